//! The measured formulas: bytes of a container by its number of elements.

/// A list filled by `append` or a comprehension: `56 + 8·cap(n)` (sizes, §4).
#[must_use]
pub fn list_bytes(n: u64) -> u64 {
    let mut cap = 0_u64;
    while cap < n {
        cap = (cap + 1 + ((cap + 1) >> 3) + 6) & !3;
    }
    56 + 8 * cap
}

/// A dict of `n` keys that are all strings: `64 + 32 + S·ib + U·16` (sizes, §4).
#[must_use]
pub fn dict_bytes(n: u64) -> u64 {
    table_bytes(n, 16)
}

/// A dict of `n` keys of which one is no string: `64 + 32 + S·ib + U·24` (sizes, §4).
#[must_use]
pub fn keyed_bytes(n: u64) -> u64 {
    table_bytes(n, 24)
}

fn table_bytes(n: u64, entry: u64) -> u64 {
    if n == 0 {
        return 64;
    }
    let mut slots = 8_u64;
    while 2 * slots / 3 < n {
        slots = (3 * (2 * slots / 3)).next_power_of_two().max(slots * 2);
    }
    let index = if slots < 256 {
        1
    } else if slots < 65536 {
        2
    } else {
        4
    };
    64 + 32 + slots * index + 2 * slots / 3 * entry
}

/// A set of `n` elements: `216 + 16·T` beyond four (sizes, §4).
#[must_use]
pub fn set_bytes(n: u64) -> u64 {
    let mut table = 8_u64;
    let mut fill = 0_u64;
    while fill < n {
        fill = ((table - 1) * 3).div_ceil(5);
        if fill > n {
            break;
        }
        let factor = if fill > 50_000 { 2 } else { 4 };
        table = (fill * factor + 1).next_power_of_two();
    }
    if table == 8 { 216 } else { 216 + 16 * table }
}

/// A deque that was filled from the right: `232 + 528·B` (sizes, §4).
#[must_use]
pub fn deque_bytes(n: u64) -> u64 {
    232 + 528 * (1 + n.saturating_sub(32).div_ceil(64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_match_the_measured_table() {
        assert_eq!(list_bytes(1_000_000), 8_448_728);
        assert_eq!(
            [5, 10, 100, 1000, 100_000].map(dict_bytes),
            [184, 272, 3328, 26_032, 3_844_864]
        );
        assert_eq!(
            [5, 10, 100, 1000, 100_000].map(keyed_bytes),
            [224, 352, 4688, 36_952, 5_242_960]
        );
        assert_eq!(
            [4, 5, 19, 77, 307, 1000, 20_000, 100_000].map(set_bytes),
            [216, 728, 2264, 8408, 32_984, 32_984, 2_097_368, 4_194_520]
        );
    }
}

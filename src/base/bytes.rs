//! Sizes as people read them.

/// A size with its unit; sizes are estimates: `≈ 1.4 KiB`.
#[must_use]
pub fn human(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 || value >= 10.0 {
        format!("≈ {value:.0} {}", units[unit])
    } else {
        format!("≈ {value:.1} {}", units[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::human;

    #[test]
    fn sizes_have_units() {
        assert_eq!(
            [0, 56, 1_434, 40_440_504, u64::MAX].map(human),
            ["≈ 0 B", "≈ 56 B", "≈ 1.4 KiB", "≈ 39 MiB", "≈ 16777216 TiB"]
        );
    }
}

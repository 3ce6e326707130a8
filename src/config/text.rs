//! Small readers of words: sizes, and the nearest of several words.

/// A number of bytes: `1048576`, `1 MiB`, `64kB`, `512 B`; powers of 1024 with an `i`, of 1000 without.
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text
        .bytes()
        .take_while(|b| b.is_ascii_digit() || *b == b'_')
        .count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.replace('_', "").parse().ok()?;
    let unit = unit.trim().to_ascii_lowercase();
    let factor: u64 = match unit.as_str() {
        "" | "b" => 1,
        "kb" => 1000,
        "kib" => 1 << 10,
        "mb" => 1_000_000,
        "mib" => 1 << 20,
        "gb" => 1_000_000_000,
        "gib" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// The word most like `typed`, if one is like it.
pub fn nearest<'a>(typed: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |word: &str| word.to_lowercase().replace('_', "-");
    let typed = plain(typed);
    if typed.len() > 64 {
        return None;
    }
    let best = words
        .into_iter()
        .map(|word| (distance(&typed, &plain(word)), word))
        .min()?;
    (best.0 <= 1 + best.1.len() / 4).then_some(best.1)
}

/// Least number of characters to insert, delete, replace or swap with the next.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut next = vec![i + 1];
        for j in 0..b.len() {
            let replaced = row[j] + usize::from(a[i] != b[j]);
            let mut least = replaced.min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                least = least.min(before[j - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(parse_size("1_048_576"), Some(1 << 20));
        assert_eq!(parse_size(" 1 MiB "), Some(1 << 20));
        assert_eq!(parse_size("64kB"), Some(64_000));
        for wrong in ["", "MiB", "-1", "1.5 MiB", "1 parsec", "99999999999 GiB"] {
            assert_eq!(parse_size(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_nearest_word_is_near() {
        let words = ["exclude", "extend-exclude", "select"];
        assert_eq!(nearest("exlcude", words), Some("exclude"));
        assert_eq!(nearest("extend_exclude", words), Some("extend-exclude"));
        assert_eq!(nearest("threads", words), None);
        assert_eq!(distance("ab", "ba"), 1);
    }
}

//! What the merging of fixes promises. Whole programs are fixed in `tests/fix.rs`.

use super::apply::apply;
use crate::finding::remedy::{Edit, Fix, Safety};

fn fix(edits: &[(u32, u32, &str)]) -> Fix {
    let edits = edits.iter().map(|it| Edit::replace(it.0, it.1, it.2));
    Fix::new("mend it", Safety::Safe, edits.collect())
}

#[test]
fn of_fixes_that_touch_the_first_goes_in() {
    let text = "a = 1\nb = 2\n";
    let (one, two, three) = (
        fix(&[(0, 1, "x"), (4, 5, "3")]),
        fix(&[(4, 5, "4")]),
        fix(&[(6, 7, "y")]),
    );
    let fixed = apply(text, &[&three, &two, &one]);
    assert_eq!((fixed.text.as_str(), fixed.count), ("x = 3\ny = 2\n", 2));
}

#[test]
fn the_same_import_goes_in_once() {
    let text = "a = 1\nb = 2\n";
    let import = (0, 0, "import contextlib\n");
    let (one, two) = (fix(&[import, (4, 5, "3")]), fix(&[import, (10, 11, "4")]));
    let fixed = apply(text, &[&one, &two]);
    assert_eq!(
        (fixed.text.as_str(), fixed.count),
        ("import contextlib\na = 3\nb = 4\n", 2)
    );
}

#[test]
fn what_no_longer_parses_is_left_out() {
    let text = "a = 1\nb = 2\n";
    let (bad, good) = (fix(&[(4, 5, "(")]), fix(&[(10, 11, "4")]));
    let fixed = apply(text, &[&bad, &good]);
    assert_eq!((fixed.text.as_str(), fixed.count), ("a = 1\nb = 4\n", 1));
}

#[test]
fn one_replacement_says_the_same_as_all_edits() {
    let text = "a = 1\nb = 2\n";
    let fix = fix(&[(10, 11, "4"), (0, 1, "x")]);
    let whole = fix.whole(text);
    assert_eq!((whole.span.start, whole.span.end), (0, 11));
    assert_eq!(whole.text, "x = 1\nb = 4");
}

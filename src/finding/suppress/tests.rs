//! What comments silence, and what is said of those that silence nothing.

use time::macros::date;

use super::*;

const TODAY: Date = date!(2026 - 11 - 21);

fn on(line: u32, text: &str) -> Pragma<'_> {
    Pragma {
        text,
        at: Span::new(line * 100, line * 100 + text.len() as u32),
        lines: line..=line,
    }
}

fn parse<'a>(pragmas: impl IntoIterator<Item = Pragma<'a>>) -> Suppressions {
    Suppressions::parse(pragmas, TODAY)
}

fn silences(comment: &str) -> bool {
    parse([on(3, comment)]).silences("HL201", "unclosed-file", &(3..=3))
}

#[test]
fn comments_that_silence() {
    for comment in [
        "# noqa",
        "#noqa",
        "# NoQA  because",
        "# noqa: HL201",
        "# noqa:HL201",
        "# noqa : hl201 kept on purpose",
        "# noqa: E501,HL201",
        "# noqa: E501 HL2",
        "# type: ignore  # noqa: HL",
        "# heaplint: ignore",
        "# heaplint:ignore the caller closes it",
        "# heaplint: ignore[HL201] the caller closes it",
        "# heaplint: ignore[unclosed-file]",
        "# heaplint: ignore [ HL101, HL2 ]",
        "# heaplint: ignore-file",
        "# heaplint: ignore-file[HL201]",
        "# heaplint: ignore[HL201] until 2026-11-21",
        "# heaplint: ignore[HL201] the server closes it (until 2027-01-31, see #12)",
        "# heaplint: ignore[HL201] until 3.12 is out",
    ] {
        assert!(silences(comment), "{comment}");
    }
}

#[test]
fn comments_that_do_not_silence() {
    for comment in [
        "# noqa: E501",
        "# noqa: HL101",
        "# noqa: HL2011",
        "# noqa: see HL201",
        "# noqa:",
        "# noqasaurus",
        "# a word about noqa",
        "# heaplint: ignore[HL101]",
        "# heaplint: ignore[]",
        "# heaplint: ignore[HL201",
        "# heaplint: ignored",
        "# heaplint ignore",
        "# heaplint: ignore-file[HL1]",
        "# heaplint: ignore[HL201] until 2026-11-20",
        "# heaplint: ignore[HL201] until 2026-02-30",
        "# é",
    ] {
        assert!(!silences(comment), "{comment}");
    }
}

#[test]
fn any_line_of_the_statement_will_do() {
    let pragma = Pragma {
        lines: 3..=6,
        ..on(6, "# noqa: HL201")
    };
    let mut it = parse([on(1, "# noqa: HL1"), pragma, on(9, "# noqa: HL1")]);
    assert!(it.silences("HL201", "unclosed-file", &(3..=3)));
    assert!(it.silences("HL201", "unclosed-file", &(4..=9)));
    assert!(!it.silences("HL201", "unclosed-file", &(2..=2)));
    assert!(!it.silences("HL201", "unclosed-file", &(7..=8)));
}

#[test]
fn what_silenced_nothing_is_listed() {
    let mut it = parse([
        on(1, "# noqa"),
        on(2, "# heaplint: ignore"),
        on(3, "# noqa: E501, HL101, HL201"),
        on(4, "# heaplint: ignore[HL201]"),
        on(5, "# heaplint: ignore-file[HL3]"),
    ]);
    assert!(it.silences("HL201", "unclosed-file", &(3..=3)));
    assert!(it.silences("HL201", "unclosed-file", &(4..=4)));
    let unused: Vec<_> = it
        .unused(&" ".repeat(600), |_| true)
        .into_iter()
        .map(|it| (it.at.start, it.selectors))
        .collect();
    assert_eq!(
        unused,
        [
            (200, vec![]),
            (300, vec!["HL101".to_owned()]),
            (500, vec!["HL3".to_owned()]),
        ]
    );
    assert_eq!(it.blanket().len(), 1);
    assert_eq!(it.without_reason().len(), 3);
}

#[test]
fn misspelled_comments_are_listed() {
    let it = parse([
        on(1, "# heaplint: ignroe[HL101]"),
        on(2, "# heaplint: ignore[HL101"),
        on(3, "# heaplint: ignore[ ]"),
    ]);
    let messages: Vec<_> = it
        .malformed()
        .iter()
        .map(|it| it.message.as_str())
        .collect();
    assert_eq!(
        messages,
        [
            "unknown `ignroe`: use `ignore`, `ignore[HL101]` or `ignore-file`",
            "the bracket is not closed",
            "no code or name between the brackets",
        ]
    );
}

#[test]
fn many_comments_take_linear_time() {
    let text = "# noqa: HL9 ".repeat(20_000) + &"# heaplint: ignore[".repeat(20_000);
    let pragmas = (1..50_000).map(|line| on(line, "# noqa: HL9"));
    let mut it = parse(pragmas.chain([on(60_000, &text)]));
    for line in 1..50_000 {
        assert!(!it.silences("HL201", "unclosed-file", &(line..=line)));
    }
}

fn removed(line: &str) -> String {
    let at = line.find('#').expect("a comment");
    let end = line.find(['\r', '\n']).unwrap_or(line.len());
    let pragma = Pragma {
        text: &line[at..end],
        at: Span::new(at as u32, end as u32),
        lines: 1..=1,
    };
    let mut it = parse([pragma]);
    it.silences("HL201", "unclosed-file", &(1..=1));
    let mut text = line.to_owned();
    for unused in it.unused(line, |_| true) {
        for range in unused.remove.iter().rev() {
            text.replace_range(range.start as usize..range.end as usize, "");
        }
    }
    text
}

#[test]
fn what_silences_nothing_can_be_taken_out() {
    for (line, left) in [
        ("f()  # noqa: HL101\n", "f()\n"),
        ("f()  # noqa: HL101", "f()"),
        ("f()  # noqa: HL101, HL102 why\n", "f()\n"),
        ("f()  # noqa: HL201\n", "f()  # noqa: HL201\n"),
        ("f()  # noqa: HL101, HL201\n", "f()  # noqa: HL201\n"),
        ("f()  # noqa: HL201, HL101\n", "f()  # noqa: HL201\n"),
        ("f()  # noqa: HL101,HL102,HL201\n", "f()  # noqa: HL201\n"),
        ("f()  # noqa: E501, HL101\n", "f()  # noqa: E501\n"),
        ("f()  # noqa: HL101 E501 why\n", "f()  # noqa: E501 why\n"),
        ("f()  # noqa: HL101, E501, HL102\n", "f()  # noqa: E501\n"),
        ("f()  # noqa: HL101, HL201, HL102\n", "f()  # noqa: HL201\n"),
        ("f()  # noqa: HL101  # why\n", "f()  # why\n"),
        (
            "f()  # type: ignore  # noqa: HL101\r\n",
            "f()  # type: ignore\r\n",
        ),
        (
            "f()  # heaplint: ignore[HL101, HL201] why\n",
            "f()  # heaplint: ignore[HL201] why\n",
        ),
        (
            "f()  # heaplint: ignore[ HL201, HL101 ] why\n",
            "f()  # heaplint: ignore[ HL201 ] why\n",
        ),
        ("f()  # heaplint: ignore[HL101] see #12\n", "f()\n"),
        ("    # heaplint: ignore-file[HL3]\nx", "x"),
        ("# heaplint: ignore-file[HL3]\r\n", ""),
    ] {
        assert_eq!(removed(line), left, "{line}");
    }
}

#[test]
fn a_day_that_has_passed_is_told_where_it_matters() {
    let mut it = parse([
        on(1, "# heaplint: ignore[HL201] until 2026-11-20"),
        on(2, "# heaplint: ignore[HL201] until 2026-11-20 why"),
        on(3, "# heaplint: ignore[HL201] until 2026-11-21"),
        on(4, "# heaplint: ignore[HL201] until 2026-1-1x"),
    ]);
    assert!(!it.silences("HL201", "unclosed-file", &(2..=2)));
    assert!(it.silences("HL201", "unclosed-file", &(3..=3)));
    let expired: Vec<u32> = it.expired().iter().map(|it| it.at.start).collect();
    assert_eq!(expired, [200]);
    let unused = it.unused(&" ".repeat(600), |_| true);
    assert_eq!(unused.len(), 1);
    assert_eq!(it.without_reason().len(), 2);
    assert_eq!(
        it.malformed()[0].message,
        "`2026-1-1x` is no day: write it as 2026-12-31"
    );
}

#[test]
fn selectors_of_rules_that_did_not_run_are_not_judged() {
    let it = parse([on(1, "# noqa: HL101, HL201"), on(2, "# heaplint: ignore")]);
    let unused = it.unused(&" ".repeat(600), |it| it == Some("HL201"));
    assert_eq!(unused.len(), 1);
    assert_eq!(unused[0].selectors, ["HL201"]);
}

#[test]
fn what_is_said_of_a_comment_is_silenced_by_name_only() {
    let mut it = parse([
        on(1, "# heaplint: ignore"),
        on(2, "# heaplint: ignore[HL9]"),
    ]);
    assert!(!it.silences_by_name("HL901", "unused-suppression", &(1..=1)));
    assert!(it.silences_by_name("HL901", "unused-suppression", &(2..=2)));
}

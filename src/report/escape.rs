//! Untrusted text made safe to show: names, paths and excerpts come from other people's files.
//!
//! One function for each kind of place: [`terminal`], [`line`] and [`excerpt`]; [`html`]; [`markdown`] with [`code`] and
//! [`mermaid`]; [`xml`]; [`command`] with [`property`] for GitHub and [`azure`] with [`azure_property`] for Azure. JSON has
//! `serde_json`.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Text for a terminal: control characters (but tab and line feed) and bidirectional controls become `\u{..}`.
#[must_use]
pub fn terminal(text: &str) -> Cow<'_, str> {
    escaped(text, |c| {
        !matches!(c, '\t' | '\n')
            && (c.is_control() || is_bidi(c) || matches!(c, '\u{2028}' | '\u{2029}'))
    })
}

/// As [`terminal`], for text that must stay on one line: every line end and tab is escaped too.
#[must_use]
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, |c| {
        c.is_control() || is_bidi(c) || matches!(c, '\u{2028}' | '\u{2029}')
    })
}

/// A text of ours of which no line is a command to the service that keeps it as a log: GitHub takes lines that begin with
/// `::` after blanks, Azure `##vso[` and both `##[` anywhere. Nothing moves: a path gets its `./`, a bracket another form.
#[must_use]
pub fn log(text: &str) -> Cow<'_, str> {
    let is_colons = |line: &str| line.trim_start().starts_with("::");
    let has_hashes = text.contains("##");
    if !has_hashes && !text.lines().any(is_colons) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for line in text.split_inclusive('\n') {
        if is_colons(line) {
            let at = line.len() - line.trim_start().len();
            out.push_str(&line[..at]);
            out.push_str("./");
            out.push_str(&line[at..]);
        } else {
            out.push_str(line);
        }
    }
    if !has_hashes {
        return Cow::Owned(out);
    }
    for at in azure_brackets(&out) {
        out.replace_range(at..=at, "(");
    }
    Cow::Owned(out)
}

/// A text of a language with the entities of HTML of which no line is a command to a service that keeps it as a log, as
/// [`log`] says.
#[must_use]
pub fn markup(text: &str) -> Cow<'_, str> {
    let colons = text.split_inclusive('\n').scan(0, |at, line| {
        let rest = line.trim_start();
        *at += line.len();
        Some((*at - rest.len(), rest.starts_with("::")))
    });
    let mut marks: Vec<usize> = colons.filter(|it| it.1).map(|it| it.0).collect();
    if text.contains("##") {
        marks.extend(azure_brackets(text));
        marks.sort_unstable();
    }
    if marks.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 4 * marks.len());
    let mut from = 0;
    for at in marks {
        let _ = write!(out, "{}&#{};", &text[from..at], text.as_bytes()[at]);
        from = at + 1;
    }
    out.push_str(&text[from..]);
    Cow::Owned(out)
}

/// The brackets of `##[` and `##vso[`.
fn azure_brackets(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'[', bytes)
        .filter(|&at| {
            let before = &bytes[..at];
            let word = before.len().saturating_sub(3);
            before.ends_with(b"##")
                || before[word..].eq_ignore_ascii_case(b"vso") && before[..word].ends_with(b"##")
        })
        .collect()
}

/// A JSON text that may be shown and cut at what looks like a line end: characters that JSON allows as they are and terminals
/// and scripts do not, by their numbers, and so the brackets of what is a command to Azure anywhere in a line.
#[must_use]
pub fn json(text: &str) -> Cow<'_, str> {
    let is_raw = |c: char| matches!(c, '\x7f'..='\u{9f}' | '\u{2028}' | '\u{2029}') || is_bidi(c);
    let brackets = match text.contains("##") {
        true => azure_brackets(text),
        false => Vec::new(),
    };
    if brackets.is_empty() && !text.chars().any(is_raw) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for (at, c) in text.char_indices() {
        if is_raw(c) || c == '[' && brackets.binary_search(&at).is_ok() {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{:04x}", c as u32);
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Our own signs in ASCII, for terminals that have nothing else. Letters of other scripts stay.
#[must_use]
pub fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '→' => out.push_str("->"),
            '←' => out.push_str("<-"),
            '⇢' => out.push_str("~>"),
            '▲' => out.push('^'),
            '↺' => out.push('@'),
            '⚑' => out.push('!'),
            '≈' => out.push('~'),
            '≤' => out.push_str("<="),
            '≥' => out.push_str(">="),
            '×' => out.push('x'),
            '…' => out.push_str("..."),
            '·' => out.push('-'),
            '└' => out.push('\\'),
            '├' | '│' => out.push('|'),
            '─' | '–' | '—' => out.push('-'),
            other => out.push(other),
        }
    }
    out
}

/// A character of a source text, or a harmless one of the same length in bytes that ends no line.
#[must_use]
pub fn excerpt(c: char) -> char {
    match c {
        '\t' | '\n' | '\r' => c,
        '\x0b' | '\x0c' => ' ',
        '\u{85}' => '\u{a0}',
        '\u{2028}' | '\u{2029}' => '\u{2003}',
        _ if is_bidi(c) || c.is_control() => match c.len_utf8() {
            1 => '?',
            2 => '¿',
            _ => '\u{fffd}',
        },
        _ => c,
    }
}

/// For text and attributes of HTML and SVG.
#[must_use]
pub fn html(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\r' => safe.push_str("&#13;"),
            '\t' | '\n' => safe.push(c),
            c => safe.push(tame(c)),
        }
    }
    match markup(&safe) {
        Cow::Borrowed(_) => safe,
        Cow::Owned(safe) => safe,
    }
}

/// For a line or table cell of Markdown. What stands in single backquotes becomes a code span, all else plain text.
#[must_use]
pub fn markdown(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2)
        || parts
            .iter()
            .skip(1)
            .step_by(2)
            .any(|it| it.trim().is_empty())
    {
        return plain(text);
    }
    let mut safe = String::with_capacity(text.len());
    for (at, part) in parts.iter().enumerate() {
        if at % 2 == 0 {
            safe.push_str(&plain(part));
        } else {
            safe.push_str(&code(part));
        }
    }
    safe
}

/// A code span of Markdown, also within a table cell: its fence is longer than any inside.
#[must_use]
pub fn code(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let blank = if text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    let text = tamed(text).replace('|', "\\|");
    format!("{fence}{blank}{text}{blank}{fence}")
}

fn plain(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => safe.push_str("<br>"),
            '\r' => {}
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '$' | '!' => {
                safe.push('\\');
                safe.push(c);
            }
            '@' => safe.push_str("&#64;"),
            c => safe.push(tame(c)),
        }
    }
    safe
}

/// For a quoted label of a Mermaid drawing.
#[must_use]
pub fn mermaid(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '#' => safe.push_str("#35;"),
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("#quot;"),
            '`' => safe.push_str("#96;"),
            c => safe.push(tame(c)),
        }
    }
    safe
}

/// For text and attributes of XML 1.0; what it forbids is left out.
#[must_use]
pub fn xml(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\t' | '\n' | '\r' => {
                let _ = write!(safe, "&#{};", c as u32);
            }
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => {}
            c if is_bidi(c) => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

/// A message of several lines without control and bidi characters.
fn lines_only(text: &str) -> String {
    let keep = |c| if matches!(c, '\n' | '\r') { c } else { tame(c) };
    text.chars().map(keep).collect()
}

/// What stands for a character where no control comes through.
fn tame(c: char) -> char {
    match excerpt(c) {
        '\t' | '\n' | '\r' => '?',
        safe => safe,
    }
}

fn tamed(text: &str) -> String {
    text.chars().map(tame).collect()
}

/// For the message of a workflow command of GitHub.
#[must_use]
pub fn command(text: &str) -> String {
    let text = lines_only(text).replace('%', "%25");
    text.replace('\r', "%0D").replace('\n', "%0A")
}

/// For a property of a workflow command of GitHub.
#[must_use]
pub fn property(text: &str) -> String {
    command(text).replace(':', "%3A").replace(',', "%2C")
}

/// For the message of a logging command of Azure Pipelines.
#[must_use]
pub fn azure(text: &str) -> String {
    let text = lines_only(text).replace('%', "%AZP25");
    text.replace('\r', "%0D").replace('\n', "%0A")
}

/// For a property of a logging command of Azure Pipelines.
#[must_use]
pub fn azure_property(text: &str) -> String {
    azure(text).replace(';', "%3B").replace(']', "%5D")
}

fn is_bidi(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escaped(text: &str, unsafe_: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&unsafe_) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if unsafe_(c) {
            // Writing to a string cannot fail.
            let _ = write!(out, "{}", c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_shown_and_not_sent() {
        assert_eq!(
            terminal("a\x1b[31m\tb\r\n\x7f\u{9b}\u{202e}é"),
            "a\\u{1b}[31m\tb\\u{d}\n\\u{7f}\\u{9b}\\u{202e}é"
        );
        assert!(matches!(terminal("plain é\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn one_line_stays_one_line() {
        assert_eq!(line("a\nb\tc\u{2028}d"), "a\\u{a}b\\u{9}c\\u{2028}d");
    }

    #[test]
    fn no_line_is_a_command_to_a_log() {
        assert_eq!(
            log("::error::x.py:1\n  ::a\na::b ##vso[task] ##VSO[x ##[error] ## [\n"),
            "./::error::x.py:1\n  ./::a\na::b ##vso(task] ##VSO(x ##(error] ## [\n"
        );
        assert_eq!(log("###[a]###vso["), "###(a]###vso(");
        assert!(matches!(log("a: b # c\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn json_stays_one_line_and_the_same_value() {
        let text = "\"a\u{2028}\u{85}\u{202e}\u{7f}é\"";
        assert_eq!(json(text), "\"a\\u2028\\u0085\\u202e\\u007fé\"");
        let value: String = serde_json::from_str(&json(text)).expect("JSON");
        assert_eq!(value, "a\u{2028}\u{85}\u{202e}\u{7f}é");
        assert_eq!(
            json("[\"##vso[task]é##[a] #[b]\"]"),
            "[\"##vso\\u005btask]é##\\u005ba] #[b]\"]"
        );
    }

    #[test]
    fn excerpts_keep_their_lengths() {
        let text: String = (0..0x3000).filter_map(char::from_u32).collect();
        for c in text.chars() {
            let shown = excerpt(c);
            assert_eq!(shown.len_utf8(), c.len_utf8(), "{c:?}");
            assert!(
                !shown.is_control() || matches!(shown, '\t' | '\n' | '\r'),
                "{c:?}"
            );
        }
    }

    #[test]
    fn our_signs_have_ascii_forms() {
        assert_eq!(
            ascii("└─ .rows → list ▲ ≈ 1 …"),
            "\\- .rows -> list ^ ~ 1 ..."
        );
    }

    #[test]
    fn html_has_no_tags_and_no_quotes() {
        assert_eq!(
            html("</script><a href='x' title=\"y\">&\u{202e}\r\n"),
            "&lt;/script&gt;&lt;a href=&#39;x&#39; title=&quot;y&quot;&gt;&amp;\u{fffd}&#13;\n"
        );
    }

    #[test]
    fn html_in_a_log_is_no_command() {
        assert_eq!(html("a::b\n ::c ##vso[d"), "a::b\n &#58;:c ##vso&#91;d");
        assert_eq!(markup("::a\n\n\r::b##["), "&#58;:a\n\n\r&#58;:b##&#91;");
        assert!(matches!(markup("a::b #["), Cow::Borrowed(_)));
    }

    #[test]
    fn markdown_keeps_code_and_nothing_else() {
        for (text, safe) in [
            ("dict `_CACHE` grows", "dict `_CACHE` grows"),
            ("a|b `c|d`\n@x", "a\\|b `c\\|d`<br>&#64;x"),
            ("an odd ` quote_", "an odd \\` quote\\_"),
            ("empty `` code", "empty \\`\\` code"),
            (
                "<img src=x> [a](b) **c**",
                "&lt;img src=x&gt; \\[a\\](b) \\*\\*c\\*\\*",
            ),
        ] {
            assert_eq!(markdown(text), safe);
        }
        assert_eq!(code("a``b"), "```a``b```");
        assert_eq!(code("`"), "`` ` ``");
    }

    #[test]
    fn mermaid_labels_cannot_end_early() {
        assert_eq!(
            mermaid("a\"] --> b[\"<b>`#quot;`\n"),
            "a#quot;] --&gt; b[#quot;&lt;b&gt;#96;#35;quot;#96;?"
        );
    }

    #[test]
    fn xml_has_only_what_xml_allows() {
        assert_eq!(
            xml("a<b>&\"\n\r\t\0\u{1b}\u{fffe}\u{202e}"),
            "a&lt;b&gt;&amp;&quot;&#10;&#13;&#9;\u{fffd}"
        );
    }

    #[test]
    fn commands_are_escaped_once() {
        assert_eq!(command("50%0A\r\n::error::x"), "50%250A%0D%0A::error::x");
        assert_eq!(property("a:b,c%"), "a%3Ab%2Cc%25");
        assert_eq!(azure("a;b]c%\n"), "a;b]c%AZP25%0A");
        assert_eq!(azure_property("a;b]c%\n"), "a%3Bb%5Dc%AZP25%0A");
    }
}

//! Untrusted text on its way to a terminal.

/// Shows control and bidi characters instead of sending them: `\u{1b}`. Tab and line feed stay.
#[must_use]
pub fn terminal(text: &str) -> String {
    let is_unsafe = |c: char| {
        c.is_control() && c != '\t' && c != '\n'
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{061c}')
    };
    if !text.contains(is_unsafe) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_unsafe(c) {
            out.extend(c.escape_unicode())
        } else {
            out.push(c)
        }
    }
    out
}

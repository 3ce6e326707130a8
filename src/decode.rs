//! Bytes of a source file to text, as PEP 263 and CPython do it.
//!
//! UTF-8 unless a byte order mark or a `coding` comment on one of the first two lines says otherwise. Nothing is
//! replaced or guessed: bytes that do not decode are an error that says where they are.

use encoding_rs::{DecoderResult, Encoding};
use memchr::memchr;
use thiserror::Error;

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Why a file has no text.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{kind}")]
pub struct DecodeError {
    /// What is wrong.
    pub kind: DecodeErrorKind,
    /// Offset of the byte in question in the file, its byte order mark included.
    pub offset: usize,
    /// Its line, from 1.
    pub line: u32,
}

/// What is wrong with a file's bytes.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum DecodeErrorKind {
    /// The `coding` comment names no encoding that we know.
    #[error("unknown encoding: {0}")]
    Unknown(String),
    /// The `coding` comment names one that source text cannot have or that we cannot read.
    #[error("encoding cannot be read: {0}")]
    Unsupported(String),
    /// A UTF-8 byte order mark before a comment that says something else.
    #[error("encoding problem: {0} with a utf-8 byte order mark")]
    BomConflict(String),
    /// A byte that the encoding has no character for.
    #[error("byte 0x{byte:02x} is not valid {encoding}{}", if *.declared { "" } else { ", and no encoding is declared" })]
    Malformed {
        /// The encoding that was tried.
        encoding: String,
        /// The first byte that does not decode.
        byte: u8,
        /// Whether the file names the encoding itself.
        declared: bool,
    },
    /// A NUL byte, which CPython refuses anywhere.
    #[error("source code cannot contain null bytes")]
    Nul,
}

/// The text of a source file, without its byte order mark.
///
/// UTF-8 without a mark is not copied.
///
/// # Errors
/// When the bytes are not text in the encoding that the file declares, or contain NUL.
pub fn decode(mut bytes: Vec<u8>) -> Result<String, DecodeError> {
    let has_bom = bytes.starts_with(BOM);
    let start = if has_bom { BOM.len() } else { 0 };
    let cookie = cookie(&bytes[start..])
        .map(|(at, name)| (at + start, name[..name.len().min(64)].to_owned()));
    if let Some((at, name)) = cookie {
        let charset = charset(&name);
        if has_bom && charset != Some(Charset::Utf8) {
            return Err(error(DecodeErrorKind::BomConflict(name), &bytes, at));
        }
        match charset {
            Some(Charset::Utf8) => {}
            Some(charset) => return decode_as(charset, &name, at, bytes),
            None => return Err(error(DecodeErrorKind::Unknown(name), &bytes, at)),
        }
        return utf8(bytes, start, true);
    }
    if has_bom {
        bytes.drain(..start);
        return utf8(bytes, 0, true).map_err(|mut it| {
            it.offset += start;
            it
        });
    }
    utf8(bytes, 0, false)
}

/// A changed text as bytes, in the encoding of the bytes it came from, with their byte order mark.
///
/// None when these bytes cannot write it, or would not read the same.
#[must_use]
pub fn encode(text: &str, original: &[u8]) -> Option<Vec<u8>> {
    let has_bom = original.starts_with(BOM);
    let start = if has_bom { BOM.len() } else { 0 };
    let charset = cookie(&original[start..]).map_or(Some(Charset::Utf8), |it| charset(it.1))?;
    let bytes = match charset {
        Charset::Utf8 => [&original[..start], text.as_bytes()].concat(),
        Charset::Ascii | Charset::LikeAscii if text.is_ascii() => text.as_bytes().to_vec(),
        Charset::Latin1 => text
            .chars()
            .map(|it| u8::try_from(it).ok())
            .collect::<Option<_>>()?,
        Charset::Other(encoding) => {
            let (bytes, _, has_unmapped) = encoding.encode(text);
            (!has_unmapped).then(|| bytes.into_owned())?
        }
        Charset::Ascii | Charset::LikeAscii | Charset::Unreadable => return None,
    };
    // What was not touched stays as it was: a text has one spelling in most encodings, not in all.
    let is_exact = !matches!(charset, Charset::Other(_))
        || decode(original.to_vec()).is_ok_and(
            |it| matches!(charset, Charset::Other(encoding) if encoding.encode(&it).0 == original),
        );
    (is_exact && decode(bytes.clone()).is_ok_and(|it| it == text)).then_some(bytes)
}

fn utf8(mut bytes: Vec<u8>, skip: usize, declared: bool) -> Result<String, DecodeError> {
    if let Err(bad) = std::str::from_utf8(&bytes[skip..]) {
        let at = skip + bad.valid_up_to();
        // NUL before it is the better explanation: such a file is no text at all.
        let at = memchr(0, &bytes[..at]).unwrap_or(at);
        return Err(malformed("utf-8", declared, &bytes, at));
    }
    refuse_nul(&bytes)?;
    bytes.drain(..skip);
    Ok(String::from_utf8(bytes).expect("checked above"))
}

fn decode_as(
    charset: Charset,
    name: &str,
    cookie: usize,
    bytes: Vec<u8>,
) -> Result<String, DecodeError> {
    refuse_nul(&bytes)?;
    match charset {
        Charset::Utf8 => unreachable!("read by `utf8`"),
        Charset::Latin1 if bytes.is_ascii() => Ok(ascii(bytes)),
        Charset::Latin1 => Ok(encoding_rs::mem::decode_latin1(&bytes).into_owned()),
        Charset::Ascii => match bytes.iter().position(|b| !b.is_ascii()) {
            Some(at) => Err(malformed("ascii", true, &bytes, at)),
            None => Ok(ascii(bytes)),
        },
        Charset::LikeAscii if bytes.is_ascii() => Ok(ascii(bytes)),
        Charset::LikeAscii | Charset::Unreadable => Err(error(
            DecodeErrorKind::Unsupported(name.to_owned()),
            &bytes,
            cookie,
        )),
        Charset::Other(encoding) => decode_with(encoding, name, &bytes),
    }
}

fn ascii(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("ascii is utf-8")
}

fn decode_with(
    encoding: &'static Encoding,
    name: &str,
    bytes: &[u8],
) -> Result<String, DecodeError> {
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let room = decoder
        .max_utf8_buffer_length_without_replacement(bytes.len())
        .unwrap_or(bytes.len());
    let mut text = String::with_capacity(room);
    let (result, read) = decoder.decode_to_string_without_replacement(bytes, &mut text, true);
    match result {
        DecoderResult::InputEmpty => Ok(text),
        DecoderResult::OutputFull => unreachable!("the buffer has the greatest size needed"),
        DecoderResult::Malformed(len, after) => {
            let at = read.saturating_sub(usize::from(len) + usize::from(after));
            Err(malformed(name, true, bytes, at))
        }
    }
}

fn refuse_nul(bytes: &[u8]) -> Result<(), DecodeError> {
    match memchr(0, bytes) {
        Some(at) => Err(error(DecodeErrorKind::Nul, bytes, at)),
        None => Ok(()),
    }
}

fn malformed(encoding: &str, declared: bool, bytes: &[u8], at: usize) -> DecodeError {
    let byte = bytes.get(at).copied().unwrap_or_default();
    let kind = if byte == 0 {
        DecodeErrorKind::Nul
    } else {
        DecodeErrorKind::Malformed {
            encoding: encoding.to_owned(),
            byte,
            declared,
        }
    };
    error(kind, bytes, at)
}

fn error(kind: DecodeErrorKind, bytes: &[u8], offset: usize) -> DecodeError {
    let before = &bytes[..offset.min(bytes.len())];
    let ends = before
        .iter()
        .enumerate()
        .filter(|&(at, &b)| b == b'\n' || b == b'\r' && bytes.get(at + 1) != Some(&b'\n'))
        .count();
    DecodeError {
        kind,
        offset,
        line: ends as u32 + 1,
    }
}

/// The name in the `coding` comment, and its offset.
///
/// It stands on the first line, or on the second when the first has nothing but a comment; only a comment counts.
fn cookie(bytes: &[u8]) -> Option<(usize, &str)> {
    let mut start = 0;
    for _ in 0..2 {
        let rest = &bytes[start..];
        let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let line = &rest[..end];
        let blank = line
            .iter()
            .take_while(|b| matches!(b, b' ' | b'\t' | b'\x0C'))
            .count();
        match line.get(blank) {
            Some(b'#') => {
                if let Some((at, name)) = cookie_of_comment(&line[blank..]) {
                    return Some((start + blank + at, name));
                }
            }
            Some(_) => return None,
            None => {}
        }
        let crlf = rest.get(end) == Some(&b'\r') && rest.get(end + 1) == Some(&b'\n');
        start = (start + end + 1 + usize::from(crlf)).min(bytes.len());
    }
    None
}

/// `coding[:=][ \t]*([-_.a-zA-Z0-9]+)`, the first of them.
fn cookie_of_comment(comment: &[u8]) -> Option<(usize, &str)> {
    for at in memchr::memmem::find_iter(comment, b"coding") {
        let mut begin = at + b"coding".len();
        if !matches!(comment.get(begin), Some(b':' | b'=')) {
            continue;
        }
        begin += 1;
        begin += comment[begin..]
            .iter()
            .take_while(|b| matches!(b, b' ' | b'\t'))
            .count();
        let len = comment[begin..]
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
            .count();
        if len > 0 {
            let name = std::str::from_utf8(&comment[begin..begin + len]).expect("ascii");
            return Some((begin, name));
        }
    }
    None
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Charset {
    Utf8,
    /// ISO-8859-1 itself; the web's label of that name means windows-1252.
    Latin1,
    Ascii,
    Other(&'static Encoding),
    /// Python knows it and we have no table, but its lower half is ASCII.
    LikeAscii,
    /// Python knows the name, but source text is never written so.
    Unreadable,
}

/// The encoding that Python means by `name`.
fn charset(name: &str) -> Option<Charset> {
    let name = name.to_ascii_lowercase().replace('_', "-");
    let is = |base: &str| {
        name.strip_prefix(base)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    if is("utf-8") {
        return Some(Charset::Utf8);
    }
    if is("latin-1") || is("iso-8859-1") || is("iso-latin-1") {
        return Some(Charset::Latin1);
    }
    Some(match name.as_str() {
        "utf8" | "u8" | "utf" | "cp65001" | "utf8-ucs2" | "utf8-ucs4" => Charset::Utf8,
        "latin" | "latin1" | "l1" | "8859" | "iso8859" | "iso8859-1" | "cp819" | "ibm819"
        | "iso-ir-100" | "csisolatin1" => Charset::Latin1,
        "ascii" | "us-ascii" | "us" | "646" | "ansi-x3.4-1968" | "ansi-x3.4-1986" | "cp367"
        | "ibm367" | "iso646-us" | "iso-646.irv-1991" | "iso-ir-6" | "csascii" => Charset::Ascii,
        "utf-16" | "utf16" | "u16" | "utf-16-le" | "utf-16le" | "utf-16-be" | "utf-16be"
        | "utf-32" | "utf32" | "u32" | "utf-32-le" | "utf-32le" | "utf-32-be" | "utf-32be"
        | "unicode-escape" | "raw-unicode-escape" | "punycode" | "idna" | "rot13" | "rot-13"
        | "hz" | "hz-gb" | "hz-gb-2312" | "hzgb" | "utf-7" | "u7" | "iso-2022-kr"
        | "iso2022-kr" | "base64" | "hex" | "zip" | "bz2" | "undefined" | "replacement"
        | "x-user-defined" => Charset::Unreadable,
        "cp437" | "437" | "cp720" | "cp737" | "cp775" | "cp850" | "850" | "cp852" | "852"
        | "cp855" | "cp856" | "cp857" | "cp858" | "cp860" | "cp861" | "cp862" | "cp863"
        | "cp864" | "cp865" | "cp869" | "cp1006" | "mac-latin2" | "mac-greek" | "mac-iceland"
        | "mac-turkish" | "mac-croatian" | "mac-romanian" | "mac-arabic" | "mac-farsi"
        | "koi8-t" | "kz1048" | "ptcp154" | "hp-roman8" | "johab" | "palmos" => Charset::LikeAscii,
        _ => return other(&name).map(Charset::Other),
    })
}

fn other(name: &str) -> Option<&'static Encoding> {
    let label = match name {
        "cp932" | "932" | "ms932" | "mskanji" | "ms-kanji" | "sjis" | "s-jis" | "shiftjis"
        | "csshiftjis" | "shift-jis" => "shift_jis",
        "cp936" | "936" | "ms936" | "gb2312-80" | "euc-cn" | "euccn" | "eucgb2312-cn" => "gbk",
        "cp949" | "949" | "ms949" | "uhc" | "euckr" | "korean" | "ks-c-5601" => "euc-kr",
        "cp950" | "950" | "ms950" | "big5-tw" | "big5-hkscs" | "big5hkscs" | "hkscs" => "big5",
        "eucjp" | "ujis" | "u-jis" => "euc-jp",
        "iso2022jp" | "iso2022-jp" => "iso-2022-jp",
        "gb18030-2000" => "gb18030",
        "mac-roman" | "macroman" | "macintosh" => "macintosh",
        "mac-cyrillic" | "maccyrillic" => "x-mac-cyrillic",
        "cp866" | "866" | "ibm866" => "ibm866",
        "cp874" | "thai" | "tis-620" | "tis620" => "windows-874",
        "latin2" | "l2" => "iso-8859-2",
        "latin3" | "l3" => "iso-8859-3",
        "latin4" | "l4" => "iso-8859-4",
        "cyrillic" => "iso-8859-5",
        "arabic" => "iso-8859-6",
        "greek" | "greek8" => "iso-8859-7",
        "hebrew" => "iso-8859-8",
        "latin5" | "l5" => "iso-8859-9",
        "latin6" | "l6" => "iso-8859-10",
        "latin7" | "l7" => "iso-8859-13",
        "latin8" | "l8" => "iso-8859-14",
        "latin9" | "l9" => "iso-8859-15",
        "latin10" | "l10" => "iso-8859-16",
        _ => name,
    };
    if let Some(part) = label.strip_prefix("iso8859-") {
        return Encoding::for_label(format!("iso-8859-{part}").as_bytes());
    }
    let page = label.strip_prefix("cp").unwrap_or(label);
    if page.len() == 4 && page.starts_with("125") {
        return Encoding::for_label(format!("windows-{page}").as_bytes());
    }
    Encoding::for_label_no_replacement(label.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> String {
        decode(bytes.to_vec()).expect("decodes")
    }

    /// Message, offset and line of the error.
    fn fails(bytes: &[u8]) -> (String, usize, u32) {
        let error = decode(bytes.to_vec()).expect_err("does not decode");
        (error.to_string(), error.offset, error.line)
    }

    #[test]
    fn utf8_keeps_its_buffer() {
        let bytes = "x = 'é'\n".as_bytes().to_vec();
        let at = bytes.as_ptr();
        let text = decode(bytes).expect("decodes");
        assert_eq!(text.as_ptr(), at);
        assert_eq!(decode(Vec::new()), Ok(String::new()));
    }

    #[test]
    fn the_byte_order_mark_is_stripped() {
        assert_eq!(text(b"\xEF\xBB\xBFx = 1\n"), "x = 1\n");
        assert_eq!(text(b"\xEF\xBB\xBF# coding: utf-8\n"), "# coding: utf-8\n");
        assert_eq!(
            fails(b"\xEF\xBB\xBF# coding: latin-1\n"),
            (
                "encoding problem: latin-1 with a utf-8 byte order mark".into(),
                13,
                1
            )
        );
        assert_eq!(
            fails(b"\xEF\xBB\xBF\n'\xE9'"),
            ("byte 0xe9 is not valid utf-8".into(), 5, 2)
        );
    }

    #[test]
    fn the_cookie_stands_where_cpython_looks_for_it() {
        for source in [
            &b"# -*- coding: latin-1 -*-\n'\xE9'"[..],
            b"#!/usr/bin/python\n# vim: set fileencoding=latin_1 :\n'\xE9'",
            b"\n# coding:latin1\n'\xE9'",
            b"#\r# coding: iso-8859-1\r'\xE9'",
            b"#\r\n \t\x0C# coding=ISO-LATIN-1-unix\r\n'\xE9'",
            b"# coding foo coding=\tl1\n'\xE9'",
        ] {
            assert!(text(source).ends_with("'é'"));
        }
        for source in [
            "x = 1  # coding: foo\n",
            "x = 1\n# coding: foo\n",
            "#\n#\n# coding: foo\n",
            "\\\n# coding: foo\n",
            "'''\n# coding: foo\n'''",
            "# encoding foo\n",
        ] {
            assert_eq!(text(source.as_bytes()), source);
        }
    }

    #[test]
    fn unknown_encodings_are_named() {
        assert_eq!(
            fails(b"#\n# coding: foo-8\n"),
            ("unknown encoding: foo-8".into(), 12, 2)
        );
        assert_eq!(
            fails(b"# coding: utf-16\nx = 1\n"),
            ("encoding cannot be read: utf-16".into(), 10, 1)
        );
        assert_eq!(
            fails(b"# coding: cp437\n'\x82'"),
            ("encoding cannot be read: cp437".into(), 10, 1)
        );
        assert_eq!(text(b"# coding: cp437\n"), "# coding: cp437\n");
    }

    #[test]
    fn latin_1_is_not_windows_1252() {
        assert_eq!(
            text(b"# coding: latin-1\n'\x80'"),
            "# coding: latin-1\n'\u{80}'"
        );
        assert_eq!(text(b"# coding: cp1252\n'\x80'"), "# coding: cp1252\n'€'");
        assert_eq!(
            text(b"# coding: iso8859-15\n'\xA4'"),
            "# coding: iso8859-15\n'€'"
        );
    }

    #[test]
    fn ascii_means_ascii() {
        assert_eq!(
            fails(b"# coding: us-ascii\n\n'\xE9'"),
            ("byte 0xe9 is not valid ascii".into(), 21, 3)
        );
    }

    #[test]
    fn utf8_has_many_names() {
        for name in ["utf-8", "UTF8", "utf_8", "utf-8-sig", "u8", "utf-8-unix"] {
            let source = format!("# coding: {name}\n'é'");
            assert_eq!(text(source.as_bytes()), source);
        }
    }

    #[test]
    fn multi_byte_encodings_decode_and_say_where_they_do_not() {
        assert_eq!(
            text(b"# coding: shift_jis\n'\x82\xA0'"),
            "# coding: shift_jis\n'あ'"
        );
        assert_eq!(
            text(b"# coding: euc_kr\n'\xB0\xA1'"),
            "# coding: euc_kr\n'가'"
        );
        assert_eq!(
            text(b"# coding: gb2312\n'\xB0\xA1'"),
            "# coding: gb2312\n'啊'"
        );
        assert_eq!(
            fails(b"# coding: euc-jp\n'\xFF'"),
            ("byte 0xff is not valid euc-jp".into(), 18, 2)
        );
    }

    #[test]
    fn undeclared_bytes_say_so() {
        assert_eq!(
            fails(b"a\rb\r\n'\xE9'\n"),
            (
                "byte 0xe9 is not valid utf-8, and no encoding is declared".into(),
                6,
                3
            )
        );
    }

    #[test]
    fn nul_is_refused_as_cpython_does() {
        let nul = "source code cannot contain null bytes";
        assert_eq!(fails(b"x\n\0"), (nul.into(), 2, 2));
        assert_eq!(fails(b"x\0\xFF"), (nul.into(), 1, 1));
        assert_eq!(fails(b"# coding: latin-1\n\0"), (nul.into(), 18, 2));
    }

    #[test]
    fn a_long_comment_is_scanned_once() {
        let mut source = b"#".to_vec();
        source.extend(b"coding".repeat(200_000));
        source.push(b'\n');
        assert_eq!(text(&source).len(), source.len());
    }
}

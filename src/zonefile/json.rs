//! JSON strings, as the values of tags may be.
//!
//! Invariant: what is no whole JSON string is `None`.

/// The text of a JSON string with its quotes.
pub(super) fn string(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = text.strip_prefix('"')?.strip_suffix('"')?.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        out.push(match chars.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let first = hex4(&mut chars)?;
                let code = if (0xd800..0xdc00).contains(&first) {
                    let second =
                        (chars.next()? == '\\' && chars.next()? == 'u').then(|| hex4(&mut chars))??;
                    let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                    0x1_0000 + ((first - 0xd800) << 10 | low)
                } else {
                    first
                };
                char::from_u32(code)?
            }
            c @ ('"' | '\\' | '/') => c,
            _ => return None,
        });
    }
    Some(out)
}

fn hex4(chars: &mut std::str::Chars<'_>) -> Option<u32> {
    (0..4).try_fold(0, |value, _| Some(value << 4 | chars.next()?.to_digit(16)?))
}

//! Numbers by their exact decimal value: digits without zeros around them, and a power of ten.

/// Writes `1`, `1.0` and `10e-1` as `1`, `-0.0` as `0`, `1500` as `15e2`; `None` where the text is no number, or its
/// power of ten has no room in 64 bits.
///
/// The digits are never multiplied out, so that a huge exponent costs nothing.
pub(super) fn write(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let (is_negative, text) = text.strip_prefix(b"-").map_or((false, text), |text| (true, text));
    let (integer, text) = split_digits(text)?;
    if integer.len() > 1 && integer.starts_with(b"0") {
        return None;
    }
    let (fraction, text) = match text.strip_prefix(b".") {
        Some(text) => split_digits(text)?,
        None => (&[][..], text),
    };
    let exponent = match text.split_first() {
        None => &b"0"[..],
        Some((b'e' | b'E', exponent)) => exponent,
        Some(_) => return None,
    };
    let (_, rest) = split_digits(exponent.strip_prefix(b"-").or(exponent.strip_prefix(b"+")).unwrap_or(exponent))?;
    if !rest.is_empty() {
        return None;
    }

    let digits = || integer.iter().chain(fraction);
    let is_zero = |digit: &&u8| **digit == b'0';
    let leading = digits().take_while(is_zero).count();
    if leading == integer.len() + fraction.len() {
        out.push(b'0');
        return Some(());
    }
    let trailing = digits().rev().take_while(is_zero).count();
    let exponent: i64 = std::str::from_utf8(exponent).ok()?.parse().ok()?;
    let exponent = exponent.checked_sub_unsigned(fraction.len() as u64)?.checked_add_unsigned(trailing as u64)?;
    if is_negative {
        out.push(b'-');
    }
    out.extend(digits().take(integer.len() + fraction.len() - trailing).skip(leading));
    if exponent != 0 {
        out.push(b'e');
        out.extend_from_slice(itoa::Buffer::new().format(exponent).as_bytes());
    }
    Some(())
}

/// The digits in front, of which there has to be one, and what follows them.
fn split_digits(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).filter(|(digits, _)| !digits.is_empty())
}

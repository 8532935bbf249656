//! Dates in cookies: RFC 6265bis, section 5.1.1.

const MONTHS: [&[u8; 3]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];

/// Seconds since 1970; `None` where the text is no date.
pub(super) fn date(text: &[u8]) -> Option<i64> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in text.split(|&byte| is_delimiter(byte)) {
        if token.is_empty() {
            continue;
        }
        if time.is_none()
            && let Some(found) = time_in(token)
        {
            time = Some(found);
        } else if day.is_none()
            && let Some(found) = number(token, 1, 2)
        {
            day = Some(found);
        } else if month.is_none()
            && let Some(found) = month_in(token)
        {
            month = Some(found);
        } else if year.is_none()
            && let Some(found) = number(token, 2, 4)
        {
            year = Some(match found {
                70..=99 => found + 1_900,
                0..=69 => found + 2_000,
                _ => found,
            });
        }
    }
    let ((hour, minute, second), day, month, year) = (time?, day?, month?, year?);
    let is_date = (1..=days_of(month, year)).contains(&day)
        && year >= 1_601
        && hour <= 23
        && minute <= 59
        && second <= 59;
    is_date.then(|| {
        let days = days_before(year, month) + day - 1;
        days * 86_400 + hour * 3_600 + minute * 60 + second
    })
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, 0x09 | 0x20..=0x2f | 0x3b..=0x40 | 0x5b..=0x60 | 0x7b..=0x7e)
}

/// The digits at the start, `least` to `most` of them; no digit comes next.
fn number(token: &[u8], least: usize, most: usize) -> Option<i64> {
    let digits = token
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    (least..=most).contains(&digits).then(|| {
        let digits = token[..digits].iter();
        digits.fold(0, |number, digit| number * 10 + i64::from(digit - b'0'))
    })
}

fn time_in(token: &[u8]) -> Option<(i64, i64, i64)> {
    let mut parts = token.splitn(3, |&byte| byte == b':');
    let mut exact = || {
        let part = parts.next()?;
        number(part, 1, 2).filter(|_| part.len() <= 2 && part.iter().all(u8::is_ascii_digit))
    };
    let (hour, minute) = (exact()?, exact()?);
    // Anything but a digit may follow the seconds.
    let second = number(parts.next()?, 1, 2)?;
    Some((hour, minute, second))
}

fn month_in(token: &[u8]) -> Option<i64> {
    let start = token.get(..3)?.to_ascii_lowercase();
    let index = MONTHS.iter().position(|month| month[..] == start)?;
    i64::try_from(index + 1).ok()
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_of(month: i64, year: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The days from 1970 to the first of a month, counted.
fn days_before(year: i64, month: i64) -> i64 {
    let of_year = |year| 365 + i64::from(is_leap(year));
    let years: i64 = match year {
        1_970.. => (1_970..year).map(of_year).sum(),
        _ => -(year..1_970).map(of_year).sum::<i64>(),
    };
    years + (1..month).map(|month| days_of(month, year)).sum::<i64>()
}

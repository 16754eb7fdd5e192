//! "Did you mean": the known word that is closest to one that is not known.

/// The known word that a slip of the fingers turns into `word`: about one slip in three letters is forgiven.
pub fn closest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    /// Nobody misspells a word this long by accident, and comparing it would cost time.
    const MAX: usize = 64;
    if word.len() > MAX {
        return None;
    }
    let word: Vec<char> = word.chars().flat_map(char::to_lowercase).collect();
    let ranked = known.into_iter().map(|candidate| {
        let letters: Vec<char> = candidate.chars().flat_map(char::to_lowercase).collect();
        (distance(&word, &letters), letters.len(), candidate)
    });
    let (slips, letters, candidate) = ranked.min_by_key(|(slips, ..)| *slips)?;
    (slips <= letters.div_ceil(3)).then_some(candidate)
}

/// Letters to insert, drop, replace or swap with their neighbour until `a` is `b`.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replace = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replace.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_forgiven_and_other_words_are_not() {
        let known = ["enabled", "ips", "zones", "account_wide"];
        for (word, expected) in [
            ("enabld", Some("enabled")),
            ("Enabled", Some("enabled")),
            ("enalbed", Some("enabled")),
            ("ip", Some("ips")),
            ("account-wide", Some("account_wide")),
            ("zone", Some("zones")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(closest(word, known), expected, "{word}");
        }
        assert_eq!(closest(&"e".repeat(100), known), None);
        assert_eq!(closest("x", []), None);
        assert_eq!(closest("cdn", ["CDN", "Spectrum"]), Some("CDN"));
    }
}

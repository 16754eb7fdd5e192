//! Every code that this room puts into a diagnostic: its severity and what to write instead.
//!
//! This file is a table. Invariant: a code never changes its name or its meaning, and each has its line in
//! `src/manual/diagnostics-zone.md`.

use crate::model::Severity;

/// One kind of fault.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// The stable name, lower case with hyphens.
    pub name: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What to write instead, where the place of the fault does not tell more.
    pub hint: &'static str,
}

macro_rules! codes {
    ($( $ident:ident $name:literal $severity:ident $hint:literal; )*) => {
        $(
            #[doc = concat!("`", $name, "`")]
            pub const $ident: &Code = &Code { name: $name, severity: Severity::$severity, hint: $hint };
        )*

        /// All of them, in the order of this table.
        pub const ALL: &[&Code] = &[ $( $ident, )* ];
    };
}

codes! {
    // The text of the file.
    UNBALANCED_PARENTHESIS "unbalanced-parenthesis" Error "close every ( with a ) in the same record";
    UNCLOSED_QUOTE "unclosed-quote" Error "close the string with \" on the same line";
    BAD_ESCAPE "bad-escape" Error "write \\X for a character X, or \\DDD with three digits from 000 to 255";
    FILE_TOO_LARGE "file-too-large" Error "split the zone over several files with $INCLUDE";
    // Entries.
    NO_OWNER "no-owner" Error "write the owner name in the first column";
    BAD_NAME "bad-name" Error "labels have 1 to 63 octets, a whole name has at most 255";
    BAD_TTL "bad-ttl" Error "write seconds from 0 to 2147483647, or with units such as 1h30m";
    BAD_CLASS "bad-class" Error "write IN or leave the class out";
    MISSING_TYPE "missing-type" Error "write: owner [TTL] [IN] type data";
    UNKNOWN_TYPE "unknown-type" Error "write a type without a mnemonic as TYPE123 with data as \\# length hex";
    META_TYPE "meta-type" Error "take the record out: this type exists in messages only";
    SIGNED_ZONE "signed-zone" Error "take RRSIG, NSEC, NSEC3 and NSEC3PARAM out: signed zones come later";
    // Directives.
    UNKNOWN_DIRECTIVE "unknown-directive" Error "there are $ORIGIN, $TTL, $INCLUDE and $GENERATE; write an owner that begins with $ as \\$";
    BAD_DIRECTIVE "bad-directive" Error "write $ORIGIN name, $TTL time, $INCLUDE file [origin], or $GENERATE range owner type data";
    INCLUDE_FAILED "include-failed" Error "name a readable file beside this one";
    INCLUDE_CYCLE "include-cycle" Error "take out the $INCLUDE that leads back to a file being read";
    INCLUDE_LIMIT "include-limit" Error "at most 16 levels, 1024 includes and 256 MiB of included text make up a zone";
    BAD_GENERATE "bad-generate" Error "write $GENERATE start-stop[/step] owner [TTL] [IN] type data, with $ or ${offset,width,base} for the number";
    GENERATE_LIMIT "generate-limit" Error "at most 65536 records from one $GENERATE and 1048576 in a zone";
    // RDATA.
    MISSING_FIELD "missing-field" Error "write the missing field after the last one";
    BAD_FIELD "bad-field" Error "write the field as the type's RFC shows it";
    BAD_ADDRESS "bad-address" Error "write an IPv4 address as 192.0.2.1, an IPv6 address as 2001:db8::1";
    STRING_TOO_LONG "string-too-long" Error "split the text into strings of at most 255 octets: \"first\" \"second\"";
    TRAILING_DATA "trailing-data" Error "take out what follows the data, or quote a text that holds blanks";
    BAD_GENERIC_RDATA "bad-generic-rdata" Error "write \\# length hex, the length in octets being that of the hex digits and the data well-formed for the type";
    RDATA_TOO_LONG "rdata-too-long" Error "data of one record has at most 65535 octets";
    // Tags.
    BAD_TAG "bad-tag" Error "write ; cf_tags=cf-proxied:true or ; cf_tags=cf-proxied:false";
    UNKNOWN_TAG "unknown-tag" Error "tags that begin with cf- are cf-proxied and cf-flatten-cname";
    UNREAD_TAG "unread-tag" Error "write ; cf_tags=cf-proxied:true, or take cf-proxied out of the comment";
    CONFLICTING_TAGS "conflicting-tags" Error "say cf-proxied once for each record";
    TAG_ON_TYPE "tag-on-type" Error "take the tag out: only A, AAAA and CNAME can be proxied, only CNAME can be flattened";
    TAG_ON_DIRECTIVE "tag-on-directive" Error "write the tag at each record";
    UNTAGGED "untagged" Error "add ; cf_tags=cf-proxied:true or ; cf_tags=cf-proxied:false (the account sets require_tags)";
    MISPLACED_TAG "misplaced-tag" Error "write the tag at the end of the record's own line";
    SUSPICIOUS_TAG "suspicious-tag" Warning "write cf-proxied:true if the record is meant to be proxied";
    USELESS_TAG "useless-tag" Warning "take cf-proxied:false out: only A, AAAA and CNAME can be proxied";
    PROXIED_BELOW_CUT "proxied-below-cut" Warning "take the tag out: a name below a delegation is neither proxied nor shown";
    // The zone as a whole.
    NO_SOA "no-soa" Error "add the zone's SOA record at @";
    SECOND_SOA "second-soa" Error "keep one SOA record";
    SOA_NOT_AT_APEX "soa-not-at-apex" Error "write @ as the owner of the SOA; the file name gives the zone's name";
    SOA_OWNER "soa-owner" Note "write @, or the name with its final dot";
    SOA_MINIMUM_TTL "soa-minimum-ttl" Warning "write $TTL at the top of the file";
    NO_APEX_NS "no-apex-ns" Warning "add the zone's NS records at @";
    PLACEHOLDER_NS "placeholder-ns" Warning "write the names of the real name servers";
    OUT_OF_ZONE "out-of-zone" Warning "move the record to the file of its own zone; a name without final dot is below $ORIGIN";
    OCCLUDED "occluded" Warning "take the record out: a delegation or DNAME above it hides it";
    MISSING_GLUE "missing-glue" Warning "add an A or AAAA record for the name server";
    NS_WITHOUT_ADDRESS "ns-without-address" Warning "add an A or AAAA record for the name server";
    WILDCARD_NS "wildcard-ns" Warning "take the NS record out: a wildcard delegates nothing (RFC 4592 section 4.2)";
    CNAME_AND_OTHER_DATA "cname-and-other-data" Error "keep either the CNAME or the other records";
    DROPPED_BESIDE_CNAME "dropped-beside-cname" Warning "keep either the CNAME or the other records; the CNAME is served";
    MULTIPLE_CNAMES "multiple-cnames" Error "keep one CNAME at a name";
    CNAME_LOOP "cname-loop" Warning "let one of the CNAME records lead to a name with data";
    SECOND_DNAME "second-dname" Error "keep one DNAME at a name";
    DNAME_AND_CNAME "dname-and-cname" Error "keep either the CNAME or the DNAME";
    RRSET_TOO_LARGE "rrset-too-large" Error "take records out: the whole set must fit one message of 65535 octets";
    MIXED_TTL "mixed-ttl" Warning "give all records of one name and type the same TTL; the lowest is served";
    DUPLICATE "duplicate" Warning "take the second one out";
    APEX_CNAME_OUTSIDE "apex-cname-outside" Warning "write A and AAAA records: addresses of names elsewhere are not known here, A and AAAA are answered SERVFAIL";
    CHILD_NOT_DELEGATED "child-not-delegated" Warning "add NS records for the child zone to its parent";
    TARGET_PROXIED "target-proxied" Warning "point to a name that is not proxied: proxied names are answered with addresses of the map";
    TARGET_IS_CNAME "target-is-cname" Warning "point to the name that holds the addresses (RFC 2181 section 10.3)";
    TARGET_IS_ADDRESS "target-is-address" Warning "write a host name; an address needs an A or AAAA record";
    HINT_AT_PROXIED "hint-at-proxied" Warning "take ipv4hint and ipv6hint out: they can show the origin of a proxied name";
    ALIAS_MODE_PARAMS "alias-mode-params" Warning "take the parameters out, or write a priority above 0 (RFC 9460 section 2.4.2)";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_has_one_line_for_each_code() {
        let manual = include_str!("../manual/diagnostics-zone.md");
        let rows: Vec<&str> = manual.lines().filter(|line| line.starts_with("| `")).collect();
        for code in ALL {
            let start = format!("| `{}` | {} |", code.name, code.severity);
            assert_eq!(rows.iter().filter(|row| row.starts_with(&start)).count(), 1, "{start}");
        }
        assert_eq!(rows.len(), ALL.len());
    }
}

//! The codes of the proof's properties; `manual/proof.md` states each, with an example and what mends it.

crate::model::table::codes! {
    /// Two enabled maps name one zone.
    TWO_ZONE_GOVERNORS = "proof-two-zone-governors";
    /// Two enabled ordinary maps have one account as a member.
    TWO_ACCOUNT_GOVERNORS = "proof-two-account-governors";
    /// Two immutable maps of one account.
    TWO_IMMUTABLE_GOVERNORS = "proof-two-immutable-governors";
    /// An address is answered that the account may not use.
    INELIGIBLE_ADDRESS = "proof-ineligible-address";
    /// An answer shows stored content of a proxied name.
    STORED_CONTENT = "proof-stored-content";
    /// A shared address is answered for an account that is never answered one.
    SHARED_ADDRESS = "proof-shared-address";
    /// The immutable map of an account does not answer where it must.
    IMMUTABLE_NOT_HONOURED = "proof-immutable-not-honoured";
    /// The right map answers other addresses than it holds.
    WRONG_ADDRESSES = "proof-wrong-addresses";
    /// Another map or level answers than the precedence says.
    WRONG_LEVEL = "proof-wrong-level";
    /// A proxied name is not answered from a map.
    NOT_PROXIED = "proof-not-proxied";
    /// A name that is not proxied is answered from a map.
    WRONGLY_PROXIED = "proof-wrongly-proxied";
    /// Any other answer than the records say.
    WRONG_ANSWER = "proof-wrong-answer";
    /// A zone is served that the files do not hold.
    UNKNOWN_ZONE = "proof-unknown-zone";
    /// An address is answered that lies outside of what an assertion allows.
    ANSWERS_WITHIN = "assert-answers-within";
    /// An address is answered that an assertion forbids.
    NEVER_ANSWERS_WITHIN = "assert-never-answers-within";
    /// A family is not answered that an assertion requires.
    FAMILY_REQUIRED = "assert-family-required";
    /// Another map governs than an assertion says.
    GOVERNED_BY = "assert-governed-by";
    /// A disabled map that would break a property, were it enabled in place of the present holder.
    LATENT_FAULT = "latent-fault";
}

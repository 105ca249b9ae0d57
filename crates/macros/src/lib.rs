//! Two small derives: `Params` writes the reader of a struct of parameters, `Choice` the names of
//! an enum. Both write what one would write by hand, so that a build stays quick.

use proc_macro::TokenStream;

mod choice;
mod params;

/// Implements `Params` and `Param` for a struct with named fields.
///
/// On the struct: `#[params(check = path)]` calls `path(&Self, &At)` when every field is right.
/// On a field: `#[param(name = "type")]`, `#[param(max = 40)]` (characters of a string, else the
/// greatest integer), `#[param(min = 1)]`, `#[param(over_max = "amount_too_large")]` (the code of
/// an integer above `max`), `#[param(flatten)]` (the fields of another struct join these).
/// Documentation comments become the parameters' documentation.
#[proc_macro_derive(Params, attributes(param, params))]
pub fn derive_params(input: TokenStream) -> TokenStream {
    expand(input, params::expand)
}

/// Gives an enum of plain variants its wire names: snake case, or `#[choice(name = "ip")]`.
/// The enum must be `Copy`.
#[proc_macro_derive(Choice, attributes(choice))]
pub fn derive_choice(input: TokenStream) -> TokenStream {
    expand(input, choice::expand)
}

fn expand(
    input: TokenStream,
    derive: fn(syn::DeriveInput) -> syn::Result<proc_macro2::TokenStream>,
) -> TokenStream {
    syn::parse(input).and_then(derive).unwrap_or_else(|error| error.into_compile_error()).into()
}

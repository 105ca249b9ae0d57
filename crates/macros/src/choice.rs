//! `#[derive(Choice)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, LitStr, Variant};

pub fn expand(input: DeriveInput) -> syn::Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new_spanned(&input.ident, "a choice is an enum"));
    };
    let ident = &input.ident;
    let variants: Vec<_> = data.variants.iter().map(|variant| &variant.ident).collect();
    let names = data.variants.iter().map(wire_name).collect::<syn::Result<Vec<_>>>()?;
    Ok(quote! {
        impl #ident {
            /// The values on the wire, in the order of the variants.
            pub const NAMES: &'static [&'static str] = &[#(#names),*];

            pub const fn as_str(self) -> &'static str {
                match self { #(Self::#variants => #names,)* }
            }

            pub fn parse(text: &str) -> ::core::option::Option<Self> {
                match text {
                    #(#names => ::core::option::Option::Some(Self::#variants),)*
                    _ => ::core::option::Option::None,
                }
            }
        }

        impl ::api::params::Param for #ident {
            fn kind() -> ::api::params::Kind {
                ::api::params::Kind::Enum(Self::NAMES)
            }

            fn read(at: &::api::params::At<'_>) -> ::core::option::Option<Self> {
                ::api::params::choice::read(at, Self::NAMES, Self::parse)
            }
        }

        impl ::api::params::choice::Serialize for #ident {
            fn serialize<S: ::api::params::choice::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> ::api::params::choice::Deserialize<'de> for #ident {
            fn deserialize<D: ::api::params::choice::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                ::api::params::choice::deserialize(deserializer, Self::NAMES, Self::parse)
            }
        }

        impl ::core::convert::From<#ident> for ::api::json::Json {
            fn from(choice: #ident) -> Self {
                ::core::convert::From::from(choice.as_str())
            }
        }
    })
}

fn wire_name(variant: &Variant) -> syn::Result<String> {
    if !matches!(variant.fields, Fields::Unit) {
        return Err(Error::new_spanned(variant, "a choice's variants carry nothing"));
    }
    let mut name = None;
    for attribute in variant.attrs.iter().filter(|attribute| attribute.path().is_ident("choice")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("name") {
                return Err(meta.error("expected `name`"));
            }
            name = Some(meta.value()?.parse::<LitStr>()?.value());
            Ok(())
        })?;
    }
    Ok(name.unwrap_or_else(|| snake_case(&variant.ident.to_string())))
}

fn snake_case(camel: &str) -> String {
    let mut snake = String::with_capacity(camel.len() + 4);
    for (at, letter) in camel.chars().enumerate() {
        if letter.is_ascii_uppercase() && at > 0 {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    #[test]
    fn variants_are_written_in_snake_case() {
        let names = ["Ach", "UsDomesticWire", "Net30", "R"].map(super::snake_case);
        assert_eq!(names, ["ach", "us_domestic_wire", "net30", "r"]);
    }
}

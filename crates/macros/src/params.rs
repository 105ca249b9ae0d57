//! `#[derive(Params)]`.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::{Attribute, Data, DeriveInput, Error, Expr, Fields, Lit, LitStr, Meta, Path, Type};

pub fn expand(input: DeriveInput) -> syn::Result<TokenStream> {
    let named = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(named) => Some(named),
            _ => None,
        },
        _ => None,
    };
    let Some(named) = named.filter(|_| input.generics.params.is_empty()) else {
        let message = "parameters are a struct with named fields and no type parameters";
        return Err(Error::new_spanned(&input.ident, message));
    };
    let fields = named.named.iter().map(ParamField::new).collect::<syn::Result<Vec<_>>>()?;
    let ident = &input.ident;
    let check = check_of(&input.attrs)?;
    let describe = fields.iter().map(ParamField::describe);
    let known = fields.iter().map(ParamField::known);
    let locals: Vec<_> = fields.iter().map(ParamField::local).collect();
    // Each field is read before any is missed, so that every error is recorded.
    let reads = fields.iter().map(ParamField::read);
    let idents = fields.iter().map(|field| &field.ident);
    let check = check.map(|path| quote!(#path(&params, at);));
    // A struct without fields looks at nothing, hence the two allowances.
    Ok(quote! {
        impl ::api::params::Params for #ident {
            #[allow(unused_mut)]
            fn fields() -> ::std::vec::Vec<::api::params::Field> {
                let mut fields = ::std::vec::Vec::new();
                #(#describe)*
                fields
            }

            fn has_field(name: &str) -> bool {
                false #(|| #known)*
            }

            #[allow(unused_variables)]
            fn read_fields(at: &::api::params::At<'_>) -> ::core::option::Option<Self> {
                #(let #locals = #reads;)*
                let params = Self { #(#idents: #locals?,)* };
                #check
                ::core::option::Option::Some(params)
            }
        }

        impl ::api::params::Param for #ident {
            fn kind() -> ::api::params::Kind {
                ::api::params::Kind::Hash(<Self as ::api::params::Params>::fields)
            }

            fn read(at: &::api::params::At<'_>) -> ::core::option::Option<Self> {
                ::api::params::read_hash(at)
            }
        }
    })
}

/// The function of `#[params(check = path)]`.
fn check_of(attributes: &[Attribute]) -> syn::Result<Option<Path>> {
    let mut check = None;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("params")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("check") {
                return Err(meta.error("expected `check`"));
            }
            check = Some(meta.value()?.parse()?);
            Ok(())
        })?;
    }
    Ok(check)
}

/// One field and its attributes.
struct ParamField<'a> {
    ident: &'a Ident,
    ty: &'a Type,
    name: String,
    doc: String,
    min: Option<Expr>,
    max: Option<Expr>,
    over_max: Option<LitStr>,
    is_flat: bool,
}

impl<'a> ParamField<'a> {
    fn new(field: &'a syn::Field) -> syn::Result<Self> {
        let Some(ident) = &field.ident else {
            return Err(Error::new_spanned(field, "a parameter has a name"));
        };
        let mut this = ParamField {
            ident,
            ty: &field.ty,
            name: ident.unraw().to_string(),
            doc: documentation(&field.attrs),
            min: None,
            max: None,
            over_max: None,
            is_flat: false,
        };
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("param")) {
            attribute.parse_nested_meta(|meta| {
                match &meta.path {
                    path if path.is_ident("name") => {
                        this.name = meta.value()?.parse::<LitStr>()?.value();
                    }
                    path if path.is_ident("min") => this.min = Some(meta.value()?.parse()?),
                    path if path.is_ident("max") => this.max = Some(meta.value()?.parse()?),
                    path if path.is_ident("over_max") => {
                        this.over_max = Some(meta.value()?.parse()?);
                    }
                    path if path.is_ident("flatten") => this.is_flat = true,
                    _ => {
                        let expected = "expected `name`, `min`, `max`, `over_max` or `flatten`";
                        return Err(meta.error(expected));
                    }
                }
                Ok(())
            })?;
        }
        Ok(this)
    }

    fn local(&self) -> Ident {
        format_ident!("field_{}", self.ident.unraw())
    }

    fn describe(&self) -> TokenStream {
        let ParamField { ty, name, doc, .. } = self;
        if self.is_flat {
            return quote!(fields.extend(<#ty as ::api::params::Params>::fields()););
        }
        let kind = match self.limits() {
            Some(limits) => quote!(|| <#ty as ::api::params::Param>::kind().limited(#limits)),
            None => quote!(<#ty as ::api::params::Param>::kind),
        };
        quote! {
            fields.push(::api::params::Field {
                name: #name,
                doc: #doc,
                required: <#ty as ::api::params::Param>::is_required(),
                kind: #kind,
            });
        }
    }

    fn known(&self) -> TokenStream {
        let ParamField { ty, name, .. } = self;
        if self.is_flat {
            quote!(<#ty as ::api::params::Params>::has_field(name))
        } else {
            quote!(name == #name)
        }
    }

    fn read(&self) -> TokenStream {
        let ParamField { ty, name, .. } = self;
        if self.is_flat {
            return quote!(<#ty as ::api::params::Params>::read_fields(at));
        }
        let limits = self.limits().map(|limits| quote!(.limited(#limits)));
        quote!(<#ty as ::api::params::Param>::read(&at.child(#name) #limits))
    }

    /// A reference to constant `Limits`, where an attribute demands any. `max` limits characters
    /// and integers alike: a field's type uses the one that it knows.
    fn limits(&self) -> Option<TokenStream> {
        if self.min.is_none() && self.max.is_none() && self.over_max.is_none() {
            return None;
        }
        let optional = |value: Option<TokenStream>| match value {
            Some(value) => quote!(::core::option::Option::Some(#value)),
            None => quote!(::core::option::Option::None),
        };
        let min = optional(self.min.as_ref().map(|min| quote!(#min)));
        let max = optional(self.max.as_ref().map(|max| quote!(#max)));
        let over_max = optional(self.over_max.as_ref().map(|code| quote!(#code)));
        Some(quote! {{
            const LIMITS: &::api::params::Limits =
                &::api::params::Limits { min: #min, max: #max, over_max: #over_max };
            LIMITS
        }})
    }
}

/// The lines of a documentation comment as one text; an empty line begins a paragraph.
fn documentation(attributes: &[Attribute]) -> String {
    let mut doc = String::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("doc")) {
        let Meta::NameValue(meta) = &attribute.meta else { continue };
        let Expr::Lit(value) = &meta.value else { continue };
        let Lit::Str(line) = &value.lit else { continue };
        let line = line.value();
        match line.trim() {
            "" => doc.push('\n'),
            line => {
                if !doc.is_empty() && !doc.ends_with('\n') {
                    doc.push(' ');
                }
                doc.push_str(line);
            }
        }
    }
    doc
}

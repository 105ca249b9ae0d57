//! Tokens: a card or a bank account that stands for itself once, in another request.

use std::sync::Arc;

use api::operation::{self, Path};
use api::params::{NoParams, Params};
use api::{ApiError, Include, Json, Resource, Result, Tx, View, object};
use serde::{Deserialize, Serialize};
use store::Millis;

use crate::bank::{AccountHolderType, BankAccount as Numbers, TEST_ROUTING_NUMBER};
use crate::bank_account::{BankAccount, BankAccountParams, Described};
use crate::card::{Card, CardParams};

#[derive(Clone, Serialize, Deserialize)]
pub struct Token {
    id: String,
    created: Millis,
    content: Content,
    /// The id of the card or bank account within the token.
    content_id: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_used: bool,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Content {
    Card {
        card: Box<Card>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        behavior: Option<String>,
    },
    BankAccount(Box<Described>),
}

/// A token of a bank account; its ids begin otherwise than those of cards.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
struct BankToken(Token);

#[derive(Params)]
struct CreateToken {
    /// A bank account.
    bank_account: Option<BankAccountParams>,
    /// A card.
    card: Option<CardParams>,
}

/// What bank tokens in test mode say, and the account number that behaves so.
const BANK_TOKENS: &[(&str, &str)] = &[
    ("btok_us_verified", "000123456789"),
    ("btok_us_verified_noAccount", "000111111116"),
    ("btok_us_verified_accountClosed", "000111111113"),
    ("btok_us_verified_insufficientFunds", "000222222227"),
    ("btok_us_verified_debitNotAuthorized", "000333333335"),
    ("btok_us_verified_invalidCurrency", "000444444440"),
];

pub fn resource() -> operation::Resource {
    operation::Resource::of::<Token>()
        .create("/v1/tokens", "Creates a token of a card or of a bank account.", create)
        .read("/v1/tokens/{token}", "Retrieves a token.", retrieve)
        .keeps::<BankToken>()
        .done()
}

fn create(tx: &mut Tx<'_>, params: &CreateToken) -> Result<Arc<Token>> {
    let created = tx.now_ms();
    match (&params.card, &params.bank_account) {
        (Some(card), None) => {
            let (card, behavior) = Card::new(tx, card, "card")?;
            let content = Content::Card { card: Box::new(card), behavior };
            let (id, content_id) = (tx.new_id::<Token>(), tx.new_id_with("card"));
            tx.save(Token { id, created, content, content_id, is_used: false })
        }
        (None, Some(bank)) => {
            let content = Content::BankAccount(Box::new(bank.describe(tx, "bank_account")?));
            let (id, content_id) = (tx.new_id::<BankToken>(), tx.new_id::<BankAccount>());
            let token = Token { id, created, content, content_id, is_used: false };
            tx.save(BankToken(token.clone()))?;
            Ok(Arc::new(token))
        }
        (Some(_), Some(_)) => {
            let message = "You may only specify one of these parameters: card, bank_account.";
            Err(ApiError::invalid(message).on("card").into())
        }
        (None, None) => {
            let message = "You must supply either a card or a bank account to create a token.";
            Err(ApiError::invalid(message).into())
        }
    }
}

fn retrieve(view: &View<'_>, path: &Path, _: &NoParams) -> Result<Arc<Token>> {
    match view.load::<BankToken>(path.id())? {
        Some(token) => Ok(Arc::new(token.0.clone())),
        None => view.find(path.id()),
    }
}

/// The bank account of a token, which cannot be used again; a test token always can.
pub fn take_bank(tx: &mut Tx<'_>, id: &str, param: &str) -> Result<Described> {
    if let Some(known) = test_bank(tx, id) {
        return Ok(known);
    }
    let Some(token) = tx.load::<BankToken>(id)? else {
        return Err(ApiError::missing_reference(Token::LABEL, id, param).into());
    };
    let token = api::copy(&token).0;
    if token.is_used {
        return Err(already_used(id, param).into());
    }
    let Content::BankAccount(described) = token.content.clone() else {
        return Err(ApiError::missing_reference(Token::LABEL, id, param).into());
    };
    tx.save(BankToken(Token { is_used: true, ..token }))?;
    Ok(*described)
}

/// The bank account of a test token.
pub fn test_bank(view: &View<'_>, id: &str) -> Option<Described> {
    let known = BANK_TOKENS.iter().find(|(token, _)| *token == id);
    let (_, number) = known.filter(|_| !view.livemode())?;
    let mut numbers = Numbers::of(view, TEST_ROUTING_NUMBER, number);
    numbers.account_holder_type = Some(AccountHolderType::Individual);
    Some(Described {
        numbers,
        currency: api::params::Currency::USD,
        account_holder_name: Some("Jane Austen".to_owned()),
        account_type: None,
        is_verified: true,
    })
}

/// The card of a token and its behaviour; the token cannot be used again. Test tokens always can.
pub fn take_card(tx: &mut Tx<'_>, id: &str, param: &str) -> Result<(Card, Option<String>)> {
    let missing = || ApiError::missing_reference(Token::LABEL, id, param);
    if let Some(tail) = id.strip_prefix("tok_").filter(|_| !tx.livemode())
        && let Some(known) = Card::of_token(tx, tail)?
    {
        return Ok(known);
    }
    let token = tx.load::<Token>(id)?.ok_or_else(missing)?;
    if token.is_used {
        return Err(already_used(id, param).into());
    }
    let Content::Card { card, behavior } = token.content.clone() else {
        return Err(missing().into());
    };
    tx.save(Token { is_used: true, ..api::copy(&token) })?;
    Ok((*card, behavior))
}

fn already_used(id: &str, param: &str) -> ApiError {
    let message = format!("You cannot use a Stripe token more than once: {id}.");
    ApiError::param("token_already_used", param, message)
}

impl Token {
    fn render(&self, view: &View<'_>) -> Json {
        let (name, kind, content) = match &self.content {
            Content::Card { card, .. } => ("card", "card", card.render_as_source(&self.content_id)),
            Content::BankAccount(described) => {
                let shown = BankAccount::render_in_token(&self.content_id, described);
                ("bank_account", "bank_account", shown)
            }
        };
        let mut json = object([
            ("id", (&self.id).into()),
            ("object", "token".into()),
            ("client_ip", Json::Null),
            ("created", api::seconds(self.created).into()),
            ("livemode", view.livemode().into()),
            ("type", kind.into()),
            ("used", self.is_used.into()),
        ]);
        json.set(name, content);
        json
    }
}

impl Resource for Token {
    const OBJECT: &'static str = "token";
    const PREFIX: &'static str = "tok";
    const LABEL: &'static str = "token";
    const PARAM: &'static str = "token";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Millis {
        self.created
    }

    fn render(&self, view: &View<'_>, _: &Include<'_>) -> Result<Json> {
        Ok(Token::render(self, view))
    }
}

impl Resource for BankToken {
    const OBJECT: &'static str = "token";
    const PREFIX: &'static str = "btok";
    const LABEL: &'static str = "token";
    const PARAM: &'static str = "token";

    fn id(&self) -> &str {
        &self.0.id
    }

    fn created(&self) -> Millis {
        self.0.created
    }

    fn render(&self, view: &View<'_>, _: &Include<'_>) -> Result<Json> {
        Ok(Token::render(&self.0, view))
    }
}

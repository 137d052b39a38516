use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

use axum::{
    extract::{self, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use form_urlencoded::Serializer;
use percent_encoding::percent_decode_str;
use wisp_control::gateway::{Asked, ClientKey, Credentials, Entry, Met};
use wisp_core::{Error, model::EntityName};

use super::Issuers;
use crate::{
    State,
    failure::{Failure, nothing},
    transaction::{OwnCors, Transaction},
    web,
};

/// Names of the header with a key's secret: ours, and that of OpenWhisk's gateway.
const SECRETS: [&str; 2] = ["x-client-secret", "x-ibm-client-secret"];
/// What a web action asks for.
const WHISK_AUTH: HeaderName = HeaderName::from_static("x-require-whisk-auth");
const ACTIVATION_ID: &str = "x-openwhisk-activation-id";

/// Answers a request to an API.
pub(crate) async fn serve(
    extract::State(state): extract::State<State>,
    issuers: Issuers,
    transaction: Transaction,
    request: Request,
) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    let asked_headers = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let met = match meet(&state, request.uri().path()).await {
        Ok(met) => met,
        Err(failure) => return failure.into_response(),
    };
    let mut call = Call {
        state: &state,
        issuers: &issuers,
        transaction: &transaction,
        met: &met,
        operation: None,
        key: None,
    };
    let mut response = match call.answer(request).await {
        Ok(response) => response,
        Err(failure) => failure.into_response(),
    };
    call.note(&method, &response, begun);
    if met.cors() {
        web::allow_all(response.headers_mut(), asked_headers);
        response.extensions_mut().insert(OwnCors);
    }
    response
}

/// The API that a path belongs to.
async fn meet(state: &State, path: &str) -> Result<Met, Failure> {
    let below = path.strip_prefix(&state.control.gateway().path).unwrap_or_default();
    let below = below.trim_start_matches('/');
    let (namespace, rest) = match below.find('/') {
        Some(at) => below.split_at(at),
        None => (below, "/"),
    };
    let namespace = percent_decode_str(namespace).decode_utf8_lossy();
    let namespace = EntityName::namespace(&namespace).map_err(|_| nothing())?;
    Ok(state.control.met_api(&namespace, rest).await?)
}

struct Call<'a> {
    state: &'a State,
    issuers: &'a Issuers,
    transaction: &'a Transaction,
    met: &'a Met,
    operation: Option<Arc<str>>,
    key: Option<Arc<ClientKey>>,
}

impl<'a> Call<'a> {
    async fn answer(&mut self, request: Request) -> Result<Response, Failure> {
        let met: &'a Met = self.met;
        let asked = match met.ask(request.method().as_str()) {
            Ok(asked) => asked,
            // Browsers ask beforehand what they may do.
            Err(_) if *request.method() == Method::OPTIONS && met.cors() => {
                return Ok(StatusCode::OK.into_response());
            }
            Err(error) => return Err(error.into()),
        };
        self.operation = Some(asked.operation.clone());
        let headers = request.headers();
        let caller = web::caller(self.state, headers).await?;
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let shown = Credentials {
            key: text(met.policy().header()),
            secret: SECRETS.iter().find_map(|name| text(name)),
            caller: caller.as_ref(),
        };
        if let Some(wanted) = &met.policy().jwt {
            self.issuers.check(wanted, headers).await?;
        }
        let control = &self.state.control;
        self.key = control.admit_to_api(met, &shown).await?;
        control.meter_api(met, self.key.as_deref()).await?;
        let (target, request) = self.forwarded(asked, request)?;
        Ok(web::call(self.state, self.transaction, &target, request).await)
    }

    /// The request as the web action gets it: the rest of the path after its name, the path's parameters in the query.
    fn forwarded(&self, asked: Asked<'_>, mut request: Request) -> Result<(String, Request), Failure> {
        let target = [asked.target, self.met.path()].concat();
        if !asked.values.is_empty() {
            let mut query = request.uri().query().unwrap_or_default().to_owned();
            let mut values = Serializer::new(String::new());
            for (name, value) in &asked.values {
                values.append_pair(name, &percent_decode_str(value).decode_utf8_lossy());
            }
            if !query.is_empty() {
                query.push('&');
            }
            query.push_str(&values.finish());
            let uri = format!("{}?{query}", request.uri().path()).parse::<Uri>();
            *request.uri_mut() = uri.map_err(|error| Error::bad_request("the path is malformed").because(error))?;
        }
        if let Some(secret) = asked.secret {
            let secret = HeaderValue::try_from(secret);
            let secret = secret.map_err(|error| Error::internal("a secret is no header").because(error))?;
            request.headers_mut().insert(WHISK_AUTH, secret);
        }
        self.hide_credentials(request.headers_mut());
        Ok((target, request))
    }

    /// Keys of the API are not the function's business.
    fn hide_credentials(&self, headers: &mut HeaderMap) {
        if self.met.policy().wants_key() {
            headers.remove(self.met.policy().header());
            SECRETS.iter().for_each(|name| drop(headers.remove(*name)));
        }
    }

    fn note(self, method: &Method, response: &Response, begun: Instant) {
        let elapsed = begun.elapsed();
        let status = response.status().as_u16();
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let activation = response.headers().get(ACTIVATION_ID).and_then(|id| id.to_str().ok());
        self.state.control.note_api_request(
            self.met,
            Entry {
                number: 0,
                at: now.as_millis() as u64,
                method: method.to_string(),
                path: self.met.path().to_owned(),
                operation: self.operation,
                key: self.key,
                status,
                micros: elapsed.as_micros() as u64,
                transaction: self.transaction.shared(),
                activation: activation.map(str::to_owned),
            },
        );
    }
}

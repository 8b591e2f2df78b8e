//! How Amazon Web Services are called: where a service is, how a request is signed, and the errors that all of them share.
//!
//! Signatures are AWS's own (Signature Version 4), made by AWS's own library. Keys are those that an administrator gives:
//! it never looks for others in files, in the environment, or at the metadata service of the machine.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningError, SigningSettings, sign},
    sign::v4,
};
use http::Method;
use jiff::{Timestamp, fmt::rfc2822};
use reqwest::{RequestBuilder, StatusCode, header::CONTENT_TYPE};
use url::Url;

use crate::{
    DeliveryError, Problem, Secret, Vendors,
    given::{base_problem, key_problem, open, text_problem},
    vendor::{Api, Reply},
};

/// The setting of the access key: also what an error of the account behind it is told by.
pub(crate) const KEY: &str = "AWS_ACCESS_KEY_ID";
/// The setting of another base for all services.
pub(crate) const ENDPOINT: &str = "AWS_ENDPOINT_URL";
const REGION: &str = "AWS_REGION";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
const TOKEN: &str = "AWS_SESSION_TOKEN";
/// Longest name of a region, in bytes: it is a label of a host name (RFC 1035, section 2.3.4).
const REGION_BYTES_MAX: usize = 63;

/// An account of AWS and one of its regions, as an administrator gives them.
#[derive(Clone, PartialEq, Eq)]
pub struct AwsAccount {
    /// `AWS_REGION`: the one in which the service is called.
    pub region: String,
    /// `AWS_ACCESS_KEY_ID`, of a user who may send by the service.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: Secret,
    /// `AWS_SESSION_TOKEN`, where the keys are temporary ones.
    pub session_token: Option<Secret>,
    /// The service's own `AWS_ENDPOINT_URL_…`, or `AWS_ENDPOINT_URL`; none: the region's own.
    pub endpoint: Option<Url>,
}

impl fmt::Debug for AwsAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsAccount")
            .field("region", &self.region)
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

impl AwsAccount {
    /// All that cannot work, each with the setting to change.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let region = (!is_region(&self.region)).then(|| Problem {
            field: REGION,
            why: "must name a region, like eu-west-1".into(),
        });
        let token = self.session_token.as_ref().and_then(|token| key_problem(TOKEN, token));
        [
            region,
            text_problem(KEY, &self.access_key_id),
            key_problem(SECRET, &self.secret_access_key),
            token,
            base_problem(ENDPOINT, self.endpoint.as_ref()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn is_region(text: &str) -> bool {
    let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=REGION_BYTES_MAX).contains(&text.len()) && text.bytes().all(letters) && !text.starts_with('-')
}

/// The public address of a service in a region. The suffix is the partition's ("AWS service endpoints"; botocore's
/// `endpoints.json`): China and the European Sovereign Cloud have their own.
fn own_address(host: &str, region: &str) -> String {
    let suffix = if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else if region.starts_with("eusc-") {
        "amazonaws.eu"
    } else {
        "amazonaws.com"
    };
    format!("https://{host}.{region}.{suffix}")
}

/// One service of AWS in one region, called with one account's keys.
#[derive(Debug)]
pub(crate) struct Service {
    api: Api,
    /// What signatures are made out to.
    name: &'static str,
    region: String,
    credentials: Credentials,
}

impl Service {
    /// `host` is the first part of its address, `name` what signatures are made out to. The account has no problems.
    pub(crate) fn new(vendors: &Vendors, account: &AwsAccount, host: &str, name: &'static str) -> Self {
        let secrets: Vec<&Secret> = [Some(&account.secret_access_key), account.session_token.as_ref()]
            .into_iter()
            .flatten()
            .collect();
        let token = account.session_token.as_ref().map(|token| token.expose().to_owned());
        Self {
            api: open(
                vendors,
                account.endpoint.as_ref(),
                &own_address(host, &account.region),
                &secrets,
            ),
            name,
            region: account.region.clone(),
            credentials: Credentials::new(
                account.access_key_id.as_str(),
                account.secret_access_key.expose(),
                token,
                None,
                "settings",
            ),
        }
    }

    /// The region, for people.
    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    /// A signed `POST` of a body of this type to a path below the base.
    pub(crate) async fn post<'a>(
        &self,
        path: impl IntoIterator<Item = &'a str> + Clone,
        content_type: &str,
        body: Vec<u8>,
        now: Timestamp,
    ) -> Result<Reply, DeliveryError> {
        let url = self.api.url(path.clone())?;
        let request = self.api.post(path)?.header(CONTENT_TYPE, content_type);
        let request = self.signed(request, &Method::POST, &url, Some(content_type), &body, now)?;
        self.api.call(request.body(body), now).await
    }

    /// A signed `GET` of a path below the base.
    pub(crate) async fn get<'a>(
        &self,
        path: impl IntoIterator<Item = &'a str> + Clone,
        now: Timestamp,
    ) -> Result<Reply, DeliveryError> {
        let url = self.api.url(path.clone())?;
        let request = self.signed(self.api.get(path)?, &Method::GET, &url, None, &[], now)?;
        self.api.call(request, now).await
    }

    /// The service's own time, for a check, which has no other: a signature is good for five minutes around it. What
    /// the answer to this unsigned request says besides does not matter.
    pub(crate) async fn time(&self) -> Result<Timestamp, DeliveryError> {
        let reply = self.api.call(self.api.get([])?, Timestamp::UNIX_EPOCH).await?;
        let date = reply
            .header("date")
            .and_then(|date| rfc2822::DateTimeParser::new().parse_timestamp(date).ok());
        date.ok_or_else(|| DeliveryError::Misconfigured {
            field: ENDPOINT,
            why: format!("the answer has no date, as those of AWS have: {}", reply.words()),
        })
    }

    fn signed(
        &self,
        request: RequestBuilder,
        method: &Method,
        url: &Url,
        content_type: Option<&str>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<RequestBuilder, DeliveryError> {
        let signature = self
            .signature(method, url, content_type, body, now)
            .map_err(|_| Problem {
                field: KEY,
                why: "no request can be signed with it".into(),
            })?;
        Ok(signature
            .into_iter()
            .fold(request, |request, (name, value)| request.header(name, value)))
    }

    /// The headers that prove who asks (AWS, "Signature Version 4 signing process").
    fn signature(
        &self,
        method: &Method,
        url: &Url,
        content_type: Option<&str>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Vec<(String, String)>, SigningError> {
        let identity = self.credentials.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.name)
            .time(system_time(now))
            .settings(SigningSettings::default())
            .build()
            .expect("all that is needed is given")
            .into();
        let headers = content_type.map(|value| ("content-type", value));
        let request = SignableRequest::new(
            method.as_str(),
            url.as_str(),
            headers.into_iter(),
            SignableBody::Bytes(body),
        )?;
        let (instructions, _) = sign(request, &params)?.into_parts();
        let headers = instructions.headers();
        Ok(headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }
}

/// Signatures know no time before 1970.
fn system_time(now: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(now.as_second()).unwrap_or(0))
}

/// An error of AWS: its code and its words.
#[derive(Debug, Default)]
pub(crate) struct Fault {
    /// `ThrottlingException`, without a namespace.
    pub(crate) code: String,
    /// For people.
    pub(crate) message: String,
}

impl Fault {
    /// Status, code and words in one line, without our secrets.
    pub(crate) fn why(&self, reply: &Reply) -> String {
        match (self.code.as_str(), self.message.as_str()) {
            ("", "") => reply.words(),
            (code, "") => reply.quote(code),
            (code, message) => reply.quote(&format!("{code}: {message}")),
        }
    }

    /// The words contain one of these, in whatever case.
    pub(crate) fn says(&self, any: &[&str]) -> bool {
        let message = self.message.to_ascii_lowercase();
        any.iter().any(|words| message.contains(words))
    }

    /// What an error means that any service may give (AWS, "Common errors"; query and JSON protocols differ in the
    /// suffix). None where it is the service's own.
    pub(crate) fn common(&self, reply: &Reply) -> Option<DeliveryError> {
        let why = self.why(reply);
        let setting = |field, why| Some(DeliveryError::Misconfigured { field, why });
        let name = self.code.strip_suffix("Exception").unwrap_or(&self.code);
        match name {
            "Throttling"
            | "Throttled"
            | "ThrottledRequest"
            | "TooManyRequests"
            | "RequestThrottled"
            | "RequestLimitExceeded"
            | "SlowDown"
            | "ServiceUnavailable"
            | "InternalFailure"
            | "InternalError"
            | "InternalServer"
            | "InternalServerError"
            | "RequestTimeout" => Some(reply.later(why)),
            "RequestExpired" | "RequestTimeTooSkewed" | "RequestInTheFuture" => setting("clock", why),
            "SignatureDoesNotMatch" | "InvalidSignature" if self.says(&["signature expired", "not yet current"]) => {
                setting("clock", why)
            }
            "SignatureDoesNotMatch" | "InvalidSignature" | "IncompleteSignature" | "InvalidSecurity" => {
                setting(SECRET, why)
            }
            "ExpiredToken" => setting(TOKEN, why),
            "UnrecognizedClient"
            | "InvalidClientTokenId"
            | "InvalidAccessKeyId"
            | "MissingAuthenticationToken"
            | "AccessDenied"
            | "AuthorizationError"
            | "NotAuthorized"
            | "OptInRequired"
            | "SubscriptionRequired"
            | "AuthFailure" => setting(KEY, why),
            "UnknownOperation" | "InvalidAction" => setting(ENDPOINT, why),
            // No error of AWS: what answers is something else, and says in its own words what it did not find.
            "" if matches!(
                reply.status(),
                StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED
            ) =>
            {
                setting(ENDPOINT, why)
            }
            _ => None,
        }
    }

    /// The key is known and good, but may not ask for this.
    pub(crate) fn is_permission(&self) -> bool {
        matches!(
            self.code.as_str(),
            "AuthorizationError" | "AccessDenied" | "AccessDeniedException"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Timeouts, tls::Roots};

    fn account(region: &str, secret: &str, token: Option<&str>) -> AwsAccount {
        AwsAccount {
            region: region.into(),
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: Secret::new(secret),
            session_token: token.map(Secret::new),
            endpoint: None,
        }
    }

    fn service(token: Option<&str>) -> Service {
        let vendors = Vendors::new(&Roots::of(Vec::new()), Timeouts::default()).unwrap();
        let account = account("us-east-1", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token);
        Service::new(&vendors, &account, "email", "service")
    }

    /// The first case of AWS's published test suite for signatures, `get-vanilla`.
    #[test]
    fn a_signature_is_the_published_one() {
        let now = "2015-08-30T12:36:00Z".parse().unwrap();
        let url = Url::parse("https://example.amazonaws.com/").unwrap();
        let signed = service(None).signature(&Method::GET, &url, None, &[], now).unwrap();
        let of = |wanted: &str| {
            signed
                .iter()
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.as_str())
        };
        assert_eq!(of("x-amz-date"), Some("20150830T123600Z"));
        assert_eq!(
            of("authorization"),
            Some(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                 SignedHeaders=host;x-amz-date, \
                 Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
            )
        );
    }

    #[test]
    fn a_session_token_goes_along_and_the_time_counts() {
        let url = Url::parse("https://example.amazonaws.com/").unwrap();
        let sign = |token, at: &str| {
            let now = at.parse().unwrap();
            let signed = service(token).signature(&Method::POST, &url, Some("text/plain"), b"x", now);
            signed.unwrap()
        };
        let with = sign(Some("TOKEN"), "2026-01-01T00:00:00Z");
        assert!(with.contains(&("x-amz-security-token".into(), "TOKEN".into())));
        assert!(
            with.iter()
                .any(|(_, value)| value.contains("content-type;host;x-amz-date;x-amz-security-token"))
        );
        assert_ne!(sign(None, "2026-01-01T00:00:00Z"), sign(None, "2026-01-01T00:00:01Z"));
    }

    #[test]
    fn a_region_leads_to_its_own_address() {
        assert_eq!(own_address("sns", "eu-west-1"), "https://sns.eu-west-1.amazonaws.com");
        assert_eq!(
            own_address("sns", "us-gov-west-1"),
            "https://sns.us-gov-west-1.amazonaws.com"
        );
        assert_eq!(
            own_address("sns", "cn-north-1"),
            "https://sns.cn-north-1.amazonaws.com.cn"
        );
        assert_eq!(
            own_address("email", "eusc-de-east-1"),
            "https://email.eusc-de-east-1.amazonaws.eu"
        );
        for wrong in [
            "",
            "eu-west-1.evil.example",
            "EU-WEST-1",
            "eu/west",
            "-a",
            &"a".repeat(64),
        ] {
            let problems = account(wrong, "s3cr3t", None).problems();
            assert_eq!(
                problems.iter().map(|problem| problem.field).collect::<Vec<_>>(),
                [REGION],
                "{wrong}"
            );
        }
        let wrong = account("eu-west-1", "", Some("")).problems();
        assert_eq!(
            wrong.iter().map(|problem| problem.field).collect::<Vec<_>>(),
            [SECRET, TOKEN]
        );
    }

    #[test]
    fn no_key_is_printed() {
        let account = account("us-east-1", "wJalr", Some("SESSION-TOKEN"));
        for printed in [format!("{account:?}"), format!("{:?}", service(Some("SESSION-TOKEN")))] {
            assert!(printed.contains("us-east-1"), "{printed}");
            assert!(
                !printed.contains("wJalr") && !printed.contains("SESSION-TOKEN"),
                "{printed}"
            );
        }
    }
}

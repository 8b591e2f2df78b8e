//! The key by which browsers know our push messages. It is made once and kept sealed: whoever has subscribed is bound to
//! it.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use opsknight_channels::{
    DeliveryError,
    push::web::{VapidKey, WebPush, WebPushSettings},
};
use opsknight_store::{db::Tx, settings};
use serde_json::{Value, json};

use super::Outbox;

/// Under which name it is kept: a PKCS #8 document in base64.
const SETTING: &str = "push.vapid";

impl Outbox {
    /// The way to browsers.
    pub(super) async fn web_push(&self) -> Result<WebPush, DeliveryError> {
        let key = self.vapid().await?;
        WebPush::with_timeouts(
            &WebPushSettings {
                subject: subject(&self.tools.public_url),
                key,
                public_url: self.tools.public_url.clone(),
                allow_private: self.calls.allow_private,
            },
            &self.tools.roots,
            self.calls.timeouts,
        )
    }

    /// The key, made now where there is none yet.
    pub(super) async fn vapid(&self) -> Result<VapidKey, DeliveryError> {
        if let Some(kept) = self.setting(SETTING.to_owned()).await? {
            return read(&kept);
        }
        let document = json!({ "pkcs8": BASE64.encode(VapidKey::generate()) });
        let (sealer, now) = (self.store.sealer.clone(), self.clock.now());
        // Another replica, or another call, may have been faster: then its key counts.
        let unit = async move |tx: &mut Tx<'_>| settings::get_or_put(tx, &sealer, SETTING, &document, now).await;
        let kept = self.store.db.write(unit).await.map_err(|error| {
            tracing::error!(error = %error, "the key of push messages cannot be kept");
            DeliveryError::Retry {
                why: "the key of push messages cannot be kept now".into(),
                after: None,
            }
        })?;
        read(&kept)
    }
}

fn read(kept: &Value) -> Result<VapidKey, DeliveryError> {
    let bytes = kept["pkcs8"].as_str().and_then(|text| BASE64.decode(text).ok());
    let key = bytes.and_then(|bytes| VapidKey::from_pkcs8(&bytes).ok());
    key.ok_or_else(|| DeliveryError::Misconfigured {
        field: "OPSKNIGHT_SECRET_KEY",
        why: "the key of push messages cannot be read".into(),
    })
}

/// Whom a push service can ask about us (RFC 8292, section 2.1): an https or a mailto address.
fn subject(public_url: &url::Url) -> String {
    match public_url.scheme() {
        "https" => public_url.as_str().to_owned(),
        _ => "mailto:opsknight@localhost".to_owned(),
    }
}

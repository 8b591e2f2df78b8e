//! Messages of Amazon SNS that are for no integration: what SES reports of mails.

use opsknight_sources::cloudwatch::sns::Envelope;

use super::{
    Denied, Door,
    authority::{Doubt, Unconfirmed},
};

impl Door {
    /// Checks that SNS has signed this.
    ///
    /// # Errors
    /// 401 when it has not, 503 while that cannot be told.
    pub async fn authentic(&self, envelope: &Envelope) -> Result<(), Denied> {
        match self.authority.is_from_sns(envelope).await {
            Ok(()) => Ok(()),
            Err(Doubt::Wrong(why)) => {
                tracing::warn!("a message of SNS was not authentic: {why}");
                Err(Denied::Unauthorized)
            }
            Err(Doubt::Unknown(why)) => {
                tracing::error!("whether a message of SNS is authentic cannot be told: {why}");
                Err(Denied::Unavailable(
                    "whether this is authentic cannot be told now".into(),
                ))
            }
        }
    }

    /// Follows the handshake by which a topic asks whether it may send here.
    ///
    /// # Errors
    /// 400 when SNS refuses, 503 while it does not answer.
    pub async fn confirm(&self, envelope: &Envelope) -> Result<(), Denied> {
        match self.authority.confirm(envelope).await {
            Ok(()) => Ok(()),
            Err(Unconfirmed::Refused(why)) => Err(Denied::Invalid {
                field: "SubscribeURL".to_owned(),
                message: format!("could not be called: {why}"),
                errors: Vec::new(),
            }),
            Err(Unconfirmed::Unreachable(_)) => {
                Err(Denied::Unavailable("the subscription could not be confirmed".into()))
            }
        }
    }
}

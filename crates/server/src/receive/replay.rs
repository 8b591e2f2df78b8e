//! Looking at what a request would lead to, and running a received one again, by the code and the settings of now.
//!
//! Only authentic requests are kept, and who may run them again was decided by the API: so neither credentials nor
//! signatures are asked for here, and no sender's allowance is used.

use opsknight_domain::{event::Normalised, id::ReceiptId, incident::Actor};
use opsknight_sources::{
    Request, Source, events,
    mapping::{FieldMapping, Origins},
};
use opsknight_store::receipts::Receipt;
use opsknight_web::receive::{Again, Hindrance, Preview, Replayed, Trial};
use serde_json::{Value, json};

use super::{
    answer::Denied,
    door::{By, Door, Found, Passed, Refused, Repeats, find_in, keep_tests_apart},
    events::success,
    hooks::{accepted_body, mapping, mark_as_test},
};
use crate::engine::ingest::{self, Taken};

/// By what a body is read.
enum Reader {
    /// The integration's type, with a field mapping where there is one.
    Source(&'static dyn Source, Option<Box<FieldMapping>>),
    /// The rules of the Events API.
    EventsCall,
}

impl Reader {
    /// The reader of a request that came through this integration, or by an API key.
    fn of(trial: &Trial, found: Option<&Found>) -> Result<Self, Denied> {
        let Some(found) = found.filter(|_| !trial.is_events_call()) else {
            return Ok(Self::EventsCall);
        };
        let integration = &found.integration;
        let source = opsknight_sources::by_type(&integration.type_name)
            .ok_or_else(|| Denied::NotFound(format!("there is no integration type {}", integration.type_name)))?;
        let wanted = trial.mapping.clone();
        Ok(Self::Source(
            source,
            wanted.or_else(|| mapping(integration)).map(Box::new),
        ))
    }

    fn read(&self, door: &Door, trial: &Trial) -> Result<Vec<Normalised>, Denied> {
        let mut events = match self {
            Self::Source(source, mapping) => {
                let read = source.parse(&request(trial), mapping.as_deref());
                read.map_err(|error| Denied::Invalid {
                    field: error.field,
                    message: error.message,
                    errors: Vec::new(),
                })?
            }
            Self::EventsCall => {
                let enqueue = events::parse_enqueue(&trial.body)?;
                let event = enqueue.into_event(|| door.clock.uuid_v4().simple().to_string());
                vec![Normalised::Event(Box::new(event))]
            }
        };
        if trial.is_test {
            mark_as_test(&mut events);
        }
        Ok(events)
    }

    fn origins(&self, trial: &Trial) -> Vec<Origins> {
        match self {
            Self::Source(source, mapping) => source.origins(&request(trial), mapping.as_deref()),
            Self::EventsCall => Vec::new(),
        }
    }

    /// What its sender is answered when all is well.
    fn answer(&self, taken: &[Taken]) -> (u16, Value) {
        match (self, taken) {
            (Self::EventsCall, [taken]) => (202, success(taken)),
            (Self::EventsCall, _) => (202, accepted_body(taken)),
            (Self::Source(source, _), _) => (source.answer_status(), accepted_body(taken)),
        }
    }
}

fn request(trial: &Trial) -> Request<'_> {
    Request {
        method: &trial.method,
        query: &trial.query,
        headers: &trial.headers,
        body: &trial.body,
    }
}

impl Door {
    /// What a request would lead to if it came in now.
    pub(super) async fn look(&self, trial: &Trial) -> Result<Preview, Hindrance> {
        let picture = self.picture().await.map_err(hindrance)?;
        let found = match trial.integration {
            Some(id) => Some(find_in(&picture, &By::Id(id)).ok_or(Hindrance::Gone("integration"))?),
            None => None,
        };
        let reader = Reader::of(trial, found.as_ref()).map_err(hindrance)?;
        let mut events = match reader.read(self, trial) {
            Ok(events) => events,
            Err(Denied::Invalid { field, message, .. }) => return Ok(Preview::NotUnderstood { field, message }),
            Err(denied) => return Err(hindrance(denied)),
        };
        keep_tests_apart(&mut events);
        let version = picture.directory.version;
        let passed = self.passed(trial, found.as_ref(), version, None);
        let job = passed.job(passed.receipt(self, 202, json!([])), events);
        let foreseen = ingest::foresee(&self.store, self.clock.clone(), job).await;
        let mut foreseen = foreseen.map_err(|error| {
            tracing::error!(error = %error, "what a request would lead to cannot be looked up");
            Hindrance::Unavailable
        })?;
        for (one, origins) in foreseen.iter_mut().zip(reader.origins(trial)) {
            one.origins = origins;
        }
        Ok(Preview::Understood(foreseen))
    }

    /// Runs a received request again. It is stored when this returns.
    pub(super) async fn run_again(&self, receipt: Receipt, again: Again) -> Result<Replayed, Hindrance> {
        let trial = Trial::of(&receipt).ok_or(Hindrance::Gone("service"))?;
        let repeats = Repeats {
            as_receipt: ReceiptId::new(self.clock.uuid_v7()),
            of: receipt.id,
            again,
        };
        // What somebody has just saved elsewhere holds here as well.
        let picture = self.picture().await.map_err(hindrance)?;
        let ran = if let Some(id) = trial.integration {
            let (trial, repeats) = (&trial, &repeats);
            self.checked(&By::Id(id), |found| async move {
                if !found.integration.enabled {
                    return Err(Refused::Denied(Denied::Forbidden("the integration is disabled".into())));
                }
                let reader = Reader::of(trial, Some(&found)).map_err(Refused::Denied)?;
                let passed = self.passed(trial, Some(&found), found.version, Some(repeats));
                self.run(&reader, trial, passed).await
            })
            .await
        } else {
            let directory = &picture.directory;
            if !directory.services.contains_key(&trial.service) {
                return Err(Hindrance::Gone("service"));
            }
            let passed = self.passed(&trial, None, directory.version, Some(&repeats));
            match self.run(&Reader::EventsCall, &trial, passed).await {
                Err(Refused::Stale) => return Err(Hindrance::Gone("service")),
                Err(Refused::Denied(denied) | Refused::Final(denied)) => Err(denied),
                Ok(answer) => Ok(answer),
            }
        };
        let (status, body) = match ran {
            Ok(answer) => answer,
            Err(denied @ Denied::Invalid { .. }) => (400, denied.body()),
            Err(denied) => return Err(hindrance(denied)),
        };
        Ok(Replayed {
            receipt: repeats.as_receipt,
            status,
            body,
        })
    }

    async fn run(&self, reader: &Reader, trial: &Trial, passed: Passed<'_>) -> Result<(u16, Value), Refused> {
        match reader.read(self, trial) {
            Ok(events) => {
                let taken = self.hand_over(passed, events).await?;
                Ok(reader.answer(&taken))
            }
            Err(denied) => {
                if let Denied::Invalid { field, message, .. } = &denied {
                    self.keep_surely(passed, 400, &format!("{field} {message}")).await?;
                }
                Err(Refused::Final(denied))
            }
        }
    }

    /// The request as one that passed all checks. Its delivery id does not count: it was received before.
    fn passed<'a>(
        &self,
        trial: &'a Trial,
        found: Option<&Found>,
        version: i64,
        repeats: Option<&Repeats>,
    ) -> Passed<'a> {
        let name = found.map_or("Events API", |found| found.integration.name.as_str());
        let name = match repeats {
            Some(repeats) => format!("{name} (run again by {})", repeats.again.by.name()),
            None => name.to_owned(),
        };
        let source = found.and_then(|found| opsknight_sources::by_type(&found.integration.type_name));
        let source = source.filter(|_| !trial.is_events_call());
        Passed {
            integration: trial.integration,
            service: trial.service,
            actor: Actor::Integration { name },
            version,
            kind: source.map_or("EVENTS_API_V2", Source::type_name),
            method: trial.method.as_str(),
            path: trial.path.clone(),
            query: trial.query.clone(),
            headers: &trial.headers,
            body: trial.body.to_vec(),
            remote_id: None,
            is_test: trial.is_test,
            repeats: repeats.cloned(),
            now: self.clock.now(),
        }
    }
}

fn hindrance(denied: Denied) -> Hindrance {
    match denied {
        Denied::Unauthorized => Hindrance::Gone("integration"),
        Denied::NotFound(_) => Hindrance::Gone("integration type"),
        Denied::Forbidden(_) => Hindrance::Disabled,
        Denied::Unavailable(_) | Denied::TooMany(_) => Hindrance::Unavailable,
        Denied::Method { .. }
        | Denied::Encoding
        | Denied::TooLarge { .. }
        | Denied::Invalid { .. }
        | Denied::Internal => Hindrance::Internal,
    }
}

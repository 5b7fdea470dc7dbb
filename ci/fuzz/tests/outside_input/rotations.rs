//! Steps of a rotation, as Secrets Manager asks for them.

use std::{cell::Cell, time::Duration};

use futures::executor::block_on;
use lakeside_fulfilment::{
    outside::OutsideError,
    processor_keys::{Issued, KeyId, KnownKey, ProcessorKeys},
    rotate_processor_key::{Rotated, RotationRequest, handle},
};
use lakeside_kit::{
    disposition::{Disposed, Disposition},
    memory::ManualClock,
    secret::{Secret, SecretError},
    secret_versions::{SecretVersions, Stages},
};
use proptest::prelude::*;
use serde_json::json;

use crate::{
    explore::explore,
    fulfilment_ports::invocation,
    mutation::{mutated, mutations},
};

const SECRET: &str =
    "arn:aws:secretsmanager:eu-central-1:111122223333:secret:lakeside/payment-processor-AbCdEf";
const VERSION: &str = "b0a4ba3d-8a1c-4a0a-9a53-6c2e5b0d3b11";

/// A rotation that is under way, and what becomes of it.
#[derive(Default)]
struct UnderWay {
    touched: Cell<usize>,
}

impl UnderWay {
    fn touch(&self) {
        self.touched.set(self.touched.get() + 1);
    }
}

impl SecretVersions for UnderWay {
    async fn stages(&self) -> Result<Stages, SecretError> {
        Ok(Stages { current: Some("current".into()), previous: None, pending: Some(VERSION.into()) })
    }

    async fn value(&self, version: &str) -> Result<Option<Secret>, SecretError> {
        Ok(Some(Secret::new(version)))
    }

    async fn fill(&self, _: &str, _: &Secret) -> Result<(), SecretError> {
        self.touch();
        Ok(())
    }

    async fn promote(&self, _: &str, _: &str) -> Result<(), SecretError> {
        self.touch();
        Ok(())
    }

    async fn give_up(&self, _: &str) -> Result<(), SecretError> {
        self.touch();
        Ok(())
    }
}

impl ProcessorKeys for UnderWay {
    async fn identify(&self, key: &Secret, _: Duration) -> Result<Option<KeyId>, OutsideError> {
        self.touch();
        Ok(Some(KeyId(key.reveal().into())))
    }

    async fn list(&self, _: &Secret, _: Duration) -> Result<Vec<KnownKey>, OutsideError> {
        Ok(Vec::new())
    }

    async fn issue(&self, _: &Secret, _: &str, _: Duration) -> Result<Issued, OutsideError> {
        self.touch();
        Ok(Issued::TooMany)
    }

    async fn revoke(&self, _: &Secret, _: &KeyId, _: Duration) -> Result<(), OutsideError> {
        self.touch();
        Ok(())
    }
}

#[test]
fn a_step_is_taken_for_its_secret_and_its_version_or_refused_untouched() {
    let asked = json!({ "Step": "finishSecret", "SecretId": SECRET, "ClientRequestToken": VERSION });
    explore(5_000, &mutations(), |mutations| {
        let body = mutated(&asked, &mutations);
        let Ok(request) = serde_json::from_str::<RotationRequest>(&body) else {
            prop_assert!(!mutations.is_empty());
            return Ok(());
        };
        let (rotation, clock) = (UnderWay::default(), ManualClock::at(0));
        let rotated = Rotated { secret_id: SECRET.into(), owner: "lakeside".into() };
        let taken = block_on(handle(&rotated, &rotation, &rotation, &clock, &invocation(&clock), &request));
        if request.secret_id == SECRET && request.client_request_token == VERSION {
            prop_assert!(taken.is_ok());
        } else {
            prop_assert_eq!(taken.unwrap_err().disposition(), Disposition::Park);
            prop_assert_eq!(rotation.touched.get(), 0);
        }
        Ok(())
    });
}

//! Executions on Step Functions.

use aws_sdk_sfn::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::{
        describe_execution::{DescribeExecutionError, DescribeExecutionOutput},
        start_execution::StartExecutionError,
    },
    types,
};
use lakeside_contracts::commands::FulfilOrder;
use lakeside_kit::trace::{self, TRACE_HEADER};

use crate::executions::{Execution, ExecutionStatus, Executions, ExecutionsError, Started};

/// More events than follow the last step of any execution, its retries included.
const LAST_EVENTS: i32 = 200;

/// The executions of one state machine.
#[derive(Debug, Clone)]
pub struct StepFunctions {
    client: Client,
    state_machine_arn: String,
}

impl StepFunctions {
    /// The executions of the state machine with this ARN.
    pub const fn new(client: Client, state_machine_arn: String) -> Self {
        Self { client, state_machine_arn }
    }
}

/// The ARN of the execution called `name`, which follows from its state machine's.
fn execution_arn(state_machine_arn: &str, name: &str) -> String {
    format!("{}:{name}", state_machine_arn.replacen(":stateMachine:", ":execution:", 1))
}

fn execution(found: DescribeExecutionOutput) -> Execution {
    let status = match found.status {
        types::ExecutionStatus::Succeeded => ExecutionStatus::Succeeded,
        types::ExecutionStatus::Failed
        | types::ExecutionStatus::TimedOut
        | types::ExecutionStatus::Aborted => ExecutionStatus::Failed,
        _ => ExecutionStatus::Running { redriven: found.redrive_count.is_some_and(|redrives| redrives > 0) },
    };
    Execution { input: found.input.unwrap_or_default(), status, error: found.error }
}

fn failed<E, R>(error: SdkError<E, R>) -> ExecutionsError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match error.as_service_error().and_then(ProvideErrorMetadata::code) {
        Some(
            "AccessDeniedException"
            | "InvalidArn"
            | "InvalidExecutionInput"
            | "InvalidName"
            | "StateMachineDoesNotExist"
            | "ValidationException",
        ) => ExecutionsError::Refused(error.into()),
        _ => ExecutionsError::Unavailable(error.into()),
    }
}

impl Executions for StepFunctions {
    async fn start(&self, name: &str, input: &FulfilOrder) -> Result<Started, ExecutionsError> {
        let input = serde_json::to_string(input).map_err(|e| ExecutionsError::Refused(e.into()))?;
        let header = trace::current();
        let started = self
            .client
            .start_execution()
            .state_machine_arn(&self.state_machine_arn)
            .name(name)
            .input(input)
            .customize()
            .mutate_request(move |request| {
                // Step Functions believes this header before the field of the request, and the SDK would write the
                // trace of the invocation into it.
                if let Some(header) = &header {
                    request.headers_mut().insert(TRACE_HEADER, header.to_string());
                }
            })
            .send()
            .await;
        match started {
            Ok(_) => Ok(Started::Yes),
            Err(error)
                if error.as_service_error().is_some_and(StartExecutionError::is_execution_already_exists) =>
            {
                Ok(Started::NameTaken)
            }
            Err(error) => Err(failed(error)),
        }
    }

    async fn describe(&self, name: &str) -> Result<Option<Execution>, ExecutionsError> {
        let arn = execution_arn(&self.state_machine_arn, name);
        match self.client.describe_execution().execution_arn(arn).send().await {
            Ok(found) => Ok(Some(execution(found))),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DescribeExecutionError::is_execution_does_not_exist) =>
            {
                Ok(None)
            }
            Err(error) => Err(failed(error)),
        }
    }

    async fn entered(&self, name: &str, state: &str) -> Result<bool, ExecutionsError> {
        let history = self
            .client
            .get_execution_history()
            .execution_arn(execution_arn(&self.state_machine_arn, name))
            .reverse_order(true)
            .include_execution_data(false)
            .max_results(LAST_EVENTS)
            .send()
            .await
            .map_err(failed)?;
        let mut entered =
            history.events.iter().filter_map(|event| event.state_entered_event_details.as_ref());
        Ok(entered.any(|entry| entry.name == state))
    }
}

#[cfg(test)]
mod tests {
    use lakeside_kit::{memory::endpoint::Endpoint, trace::TraceHeader};

    use super::*;

    #[tokio::test]
    async fn a_saga_goes_on_in_the_trace_of_its_order() {
        let endpoint = Endpoint::listen().unwrap();
        let arn = "arn:aws:states:us-east-1:000000000000:stateMachine:lakeside-order-fulfilment";
        let sagas = StepFunctions::new(Client::new(&endpoint.config()), arn.into());
        let order: FulfilOrder =
            serde_json::from_str(include_str!("../../../contracts/commands/fulfil-order/examples/v1.json"))
                .unwrap();
        let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1";
        // The stand-in answers nothing that makes an execution; only what it is asked for matters.
        let _answer = trace::following(TraceHeader::parse(header), sagas.start("a", &order)).await;
        let _answer = sagas.start("b", &order).await;
        let sent = |request: &String| request.contains(&format!("{TRACE_HEADER}: {header}\n"));
        assert_eq!(endpoint.requests().iter().map(sent).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn an_execution_is_found_by_its_name() {
        assert_eq!(
            execution_arn(
                "arn:aws:states:us-east-1:000000000000:stateMachine:lakeside-order-fulfilment",
                "a"
            ),
            "arn:aws:states:us-east-1:000000000000:execution:lakeside-order-fulfilment:a"
        );
    }
}

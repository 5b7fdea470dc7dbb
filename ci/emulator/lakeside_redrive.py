"""RedriveExecution of Step Functions: an execution that died goes on from the state in which it did.

As on AWS it is the same execution with the same history, the state gets the input that it had, variables are as they were when
it was entered, and a state that waits for an answer asks for it with a new token. On AWS a Map runs again what of it has not
succeeded, which here is all of it.
"""

import contextvars
import copy
import json
import threading

from ministack.core.responses import error_response_json, json_response
from ministack.services import stepfunctions

REDRIVABLE = {"ABORTED", "FAILED", "TIMED_OUT"}


def refused(execution):
    """Why an execution may not be redriven, if so."""
    status = execution["status"]
    return None if status in REDRIVABLE else f"Execution is {status} and cannot be redriven"


def where_it_died(execution):
    """The last state that it entered, and the input that this state had."""
    for event in reversed(execution["events"]):
        entered = event.get("stateEnteredEventDetails")
        if entered:
            return entered["name"], json.loads(entered["input"])
    return None


def context_of(execution, machine, definition):
    """What states can ask of their execution, as it was when the last one was entered."""
    return {
        "QueryLanguage": definition.get("QueryLanguage", "JSONPath"),
        "Execution": {"Id": execution["executionArn"], "Input": json.loads(execution["input"]), "Name": execution["name"],
                      "StartTime": execution["startDate"], "RedriveCount": execution["redriveCount"],
                      "RedriveTime": execution["redriveDate"]},
        "StateMachine": {"Id": execution["stateMachineArn"], "Name": machine["name"]},
        "variables": copy.deepcopy(execution.get("variables", {})),
    }


def walk(execution, states, name, given, context):
    """Runs states until one has no next, the execution is ended from outside, or one of them fails."""
    handlers = {"Pass": stepfunctions._execute_pass, "Choice": stepfunctions._execute_choice,
                "Wait": stepfunctions._execute_wait}
    nested = {"Task": stepfunctions._execute_task, "Parallel": stepfunctions._execute_parallel,
              "Map": stepfunctions._execute_map}
    while name and execution["status"] == "RUNNING":
        state = states[name]
        kind = state["Type"]
        context["State"] = {"Name": name, "EnteredTime": stepfunctions.now_iso(), "RetryCount": 0}
        stepfunctions._add_event(execution, f"{kind}StateEntered", {
            "stateEnteredEventDetails": {"name": name, "input": json.dumps(given)}})
        if kind == "Fail":
            raise stepfunctions._ExecutionError(*stepfunctions._fail_state_error(state, given, context))
        if kind == "Succeed":
            given = stepfunctions._apply_input_path(state, given, context)
            given, following = stepfunctions._apply_output_path(state, given, context), None
        elif kind in nested:
            given, following = nested[kind](state, given, execution, context)
        else:
            given, following = handlers[kind](state, given, context)
        stepfunctions._add_event(execution, f"{kind}StateExited", {
            "stateExitedEventDetails": {"name": name, "output": json.dumps(given)}})
        name = following
    return given


def go_on(execution, machine, name, given):
    """Runs an execution to its end from the state called `name`."""
    definition = json.loads(machine["definition"])
    try:
        output = walk(execution, definition["States"], name, given, context_of(execution, machine, definition))
        if execution["status"] == "RUNNING":
            execution.update(status="SUCCEEDED", output=json.dumps(output), stopDate=stepfunctions.now_iso())
            stepfunctions._add_event(execution, "ExecutionSucceeded", {
                "executionSucceededEventDetails": {"output": execution["output"]}})
            stepfunctions._emit_execution_status_event(execution)
    except stepfunctions._ExecutionError as failed:
        stepfunctions._fail_execution(execution, failed.error, failed.cause)
    except Exception as failed:
        stepfunctions._fail_execution(execution, "States.Runtime", str(failed))


def redrive(request):
    """Answers RedriveExecution."""
    arn = request.get("executionArn")
    died = stepfunctions._executions.get(arn)
    if died is None:
        return error_response_json("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
    machine, found = stepfunctions._state_machines.get(died["stateMachineArn"]), where_it_died(died)
    why = refused(died) or ("Execution has entered no state" if found is None or machine is None else None)
    if why:
        return error_response_json("ExecutionNotRedrivable", why)
    # A copy: whatever still waits in the run that died has the old one, which stays as it ended.
    execution = {**died, "events": list(died["events"]), "status": "RUNNING", "stopDate": None, "output": None, "error": None,
                 "cause": None, "redriveCount": died.get("redriveCount", 0) + 1, "redriveDate": stepfunctions.now_iso()}
    stepfunctions._executions[arn] = execution
    stepfunctions._add_event(execution, "ExecutionRedriven", {
        "executionRedrivenEventDetails": {"redriveCount": execution["redriveCount"]}})
    stepfunctions._emit_execution_status_event(execution)
    # Threads inherit no context, and the stores are by its account and Region.
    run = contextvars.copy_context().run
    threading.Thread(target=run, args=(go_on, execution, machine, *found), daemon=True).start()
    return json_response({"redriveDate": execution["redriveDate"]})


def with_redrives(answer):
    """The answer of DescribeExecution with what it says of redrives."""
    status, headers, body = answer
    if status != 200:
        return answer
    described = json.loads(body)
    execution = stepfunctions._executions[described["executionArn"]]
    why = refused(execution)
    described.update(redriveCount=execution.get("redriveCount", 0), redriveStatus="NOT_REDRIVABLE" if why else "REDRIVABLE")
    if why:
        described["redriveStatusReason"] = why
    if "redriveDate" in execution:
        described["redriveDate"] = execution["redriveDate"]
    return stepfunctions._finalize_response(json_response(described))


def install():
    """Puts it before what the emulator knows, and has it remember the variables of executions."""
    handle, assign = stepfunctions.handle_request, stepfunctions._apply_state_assign

    async def handle_or_redrive(method, path, headers, body, query_params):
        action = headers.get("x-amz-target", "").rsplit(".", 1)[-1]
        if action == "RedriveExecution":
            return stepfunctions._finalize_response(redrive(json.loads(body or b"{}")))
        answer = await handle(method, path, headers, body, query_params)
        return with_redrives(answer) if action == "DescribeExecution" else answer

    def assign_and_remember(state, raw_input, ctx, *given, **named):
        assign(state, raw_input, ctx, *given, **named)
        # What an item of a Map assigns is its own.
        execution = stepfunctions._executions.get(((ctx or {}).get("Execution") or {}).get("Id"))
        if execution is not None and execution["status"] == "RUNNING" and "Map" not in ctx:
            execution["variables"] = copy.deepcopy(ctx.get("variables", {}))

    stepfunctions.handle_request, stepfunctions._apply_state_assign = handle_or_redrive, assign_and_remember

mock_provider "aws" {
  source = "../../../platform-terraform/testing"
}

variables {
  platform = {
    account_id               = "111122223333"
    region                   = "eu-central-1"
    prefix                   = "test"
    alarm_topic_arn          = "arn:aws:sns:eu-central-1:111122223333:test-alarms"
    permissions_boundary_arn = "arn:aws:iam::111122223333:policy/squads"
    keys = {
      data      = "arn:aws:kms:eu-central-1:111122223333:key/data"
      messaging = "arn:aws:kms:eu-central-1:111122223333:key/messaging"
      logs      = "arn:aws:kms:eu-central-1:111122223333:key/logs"
    }
  }
  function = {
    name      = "sweep-reservations"
    alias_arn = "arn:aws:lambda:eu-central-1:111122223333:function:test-sweep-reservations:live"
  }
  expression      = "rate(1 minute)"
  silence_seconds = 600
}

run "the_clock_invokes_the_alias" {
  command = plan

  assert {
    condition = (
      aws_scheduler_schedule.schedule.schedule_expression == "rate(1 minute)"
      && aws_scheduler_schedule.schedule.target[0].arn == var.function.alias_arn
    )
    error_message = "The schedule must invoke what is live."
  }
}

run "a_missed_run_is_kept_and_alarms" {
  assert {
    condition     = aws_scheduler_schedule.schedule.target[0].dead_letter_config[0].arn == aws_sqs_queue.missed.arn
    error_message = "A run that could not be started must be kept."
  }

  assert {
    condition = (
      aws_scheduler_schedule.schedule.target[0].retry_policy[0].maximum_retry_attempts == 2
      && aws_scheduler_schedule.schedule.target[0].retry_policy[0].maximum_event_age_in_seconds == 300
    )
    error_message = "Retries must end before they pile up."
  }

  assert {
    condition     = output.alarms["test-sweep-reservations-dead-letters"].threshold == 0
    error_message = "The first missed run must alarm."
  }
}

run "the_role_invokes_this_function_and_nothing_else" {
  command = plan

  assert {
    condition = {
      for statement in data.aws_iam_policy_document.invoke.statement : statement.sid => [statement.actions, statement.resources]
      } == {
      Invoke            = [toset(["lambda:InvokeFunction"]), toset([var.function.alias_arn])]
      ParkMissedRuns    = [toset(["sqs:SendMessage"]), toset([aws_sqs_queue.missed.arn])]
      EncryptMissedRuns = [toset(["kms:Decrypt", "kms:GenerateDataKey"]), toset([var.platform.keys.messaging])]
    }
    error_message = "Whoever changes this list changes what the clock may do."
  }
}

run "rejects_what_is_no_schedule" {
  command = plan

  variables {
    expression = "every minute"
  }

  expect_failures = [var.expression]
}

run "the_clock_stands_still_while_another_region_works" {
  command = plan

  variables {
    platform = {
      account_id               = "111122223333"
      region                   = "eu-central-1"
      prefix                   = "test"
      alarm_topic_arn          = "arn:aws:sns:eu-central-1:111122223333:test-alarms"
      permissions_boundary_arn = "arn:aws:iam::111122223333:policy/squads"
      keys = {
        data      = "arn:aws:kms:eu-central-1:111122223333:key/data"
        messaging = "arn:aws:kms:eu-central-1:111122223333:key/messaging"
        logs      = "arn:aws:kms:eu-central-1:111122223333:key/logs"
      }
      regions = { home = "eu-west-1", owns_tables = false, role_suffix = "-eu-central-1", processing = false }
    }
  }

  assert {
    condition = (
      aws_scheduler_schedule.schedule.state == "DISABLED"
      && aws_iam_role.schedule.name == "test-sweep-reservations-schedule-eu-central-1"
    )
    error_message = "A sweep here would release what the other Region holds."
  }
}

run "a_clock_that_stands_still_pages" {
  command = plan

  assert {
    condition = (
      output.alarms["test-sweep-reservations-silent"].comparison == "LessThanThreshold"
      && output.alarms["test-sweep-reservations-silent"].threshold == 1
      && output.alarms["test-sweep-reservations-silent"].missing == "breaching"
      && output.alarms["test-sweep-reservations-silent"].period_seconds == 600
      && output.alarms["test-sweep-reservations-silent"].topic_arn == var.platform.alarm_topic_arn
    )
    error_message = "Nothing at all must ring: a run that never was leaves no trace."
  }
}

run "rejects_a_silence_that_every_run_makes" {
  command = plan

  variables {
    silence_seconds = 60
  }

  expect_failures = [var.silence_seconds]
}

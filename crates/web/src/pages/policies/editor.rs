//! The editor of a policy's steps: a form that can be rearranged without being saved.

use super::*;
use crate::{api::error::Problems, pages::form::List};

/// The names of the fields of a step, behind `steps.N.`.
const STEP_FIELDS: [&str; 3] = ["targets", "delay", "channels"];
/// Minutes that a new step waits.
const DELAY_DEFAULT: &str = "5";

fn steps(form: &Form) -> List {
    List::read(form, "steps", &STEP_FIELDS)
}

/// The form with its steps numbered from 0 without gaps.
pub(super) fn numbered(form: &Form) -> Form {
    steps(form).write(form)
}

/// A form with one empty step.
pub(super) fn empty() -> Form {
    Form::of([
        ("repeat".to_owned(), "0".to_owned()),
        ("steps.0.delay".to_owned(), DELAY_DEFAULT.to_owned()),
    ])
}

/// The form as a policy would have filled it in.
pub(super) fn of_policy(row: &policies::PolicyRow) -> Form {
    let mut fields = vec![
        ("name".to_owned(), row.name.clone()),
        ("description".to_owned(), row.description.clone().unwrap_or_default()),
        ("repeat".to_owned(), row.repeat.to_string()),
    ];
    for (n, step) in row.steps.iter().enumerate() {
        fields.push((format!("steps.{n}.delay"), step.delay_minutes.to_string()));
        let targets = step.targets.iter().map(|target| match target {
            Target::User(id) => format!("user:{id}"),
            Target::Team { id, lead_only: true } => format!("leads:{id}"),
            Target::Team { id, lead_only: false } => format!("team:{id}"),
            Target::Schedule(id) => format!("schedule:{id}"),
        });
        fields.extend(targets.map(|target| (format!("steps.{n}.targets"), target)));
        let channels = step.channels.iter().map(|channel| channel.word().to_owned());
        fields.extend(channels.map(|channel| (format!("steps.{n}.channels"), channel)));
    }
    if row.steps.is_empty() {
        fields.push(("steps.0.delay".to_owned(), DELAY_DEFAULT.to_owned()));
    }
    Form::of(fields)
}

/// The form as a new policy that is like this one.
pub(super) fn copy_of(row: &policies::PolicyRow) -> Form {
    let name = format!("Copy of {}", row.name);
    Form::of([("name".to_owned(), name)]).over(&of_policy(row))
}

/// The form as it is shown again without being saved: as it is, where somebody only wants to see who would be paged, or
/// as one of the editor's buttons asks for it; nothing when it is to be saved.
pub(super) fn unsaved(form: &Form) -> Option<Form> {
    if form.text("do") == "preview" {
        return Some(form.clone());
    }
    rearranged(form)
}

fn rearranged(form: &Form) -> Option<Form> {
    let mut steps = steps(form);
    let button = |name: &str| form.text(name).parse::<usize>().ok();
    if form.given("save").is_some() {
        return None;
    } else if form.given("add_step").is_some() {
        steps.push([("delay", DELAY_DEFAULT)]);
    } else if let Some(n) = button("remove_step") {
        steps.remove(n);
    } else if let Some(n) = button("up") {
        steps.swap(n, n.checked_sub(1)?);
    } else if let Some(n) = button("down") {
        steps.swap(n, n + 1);
    } else if button("add_target").is_none() {
        return None;
    }
    Some(steps.write(form))
}

/// The page of the editor.
pub(super) fn page(viewer: &Viewer, id: Option<PolicyId>, form: &Form, wrong: &Wrong) -> PolicyForm {
    let directory = viewer.directory();
    let repeats = (0..=9).map(|times| {
        let label = match times {
            0 => "Stop".to_owned(),
            1 => "Go through the steps once more".to_owned(),
            _ => format!("Go through the steps {times} more times"),
        };
        Choice::new(times.to_string(), label)
    });
    let title = if id.is_some() {
        "Edit escalation policy"
    } else {
        "New escalation policy"
    };
    let count = steps(form).len().max(1);
    let typed = as_typed(form);
    let plan = plan(&typed, directory, viewer.now);
    let mut warnings = warnings(&typed, &plan);
    if id.is_some_and(|id| services(directory, id).is_empty()) {
        warnings.push("No service escalates by this policy yet.".to_owned());
    }
    PolicyForm {
        shell: viewer.shell(title, Section::Policies),
        id: id.map(|id| id.to_string()),
        name: form.field("name", wrong),
        description: form.field("description", wrong),
        repeat: form.select("repeat", wrong, repeats),
        steps: (0..count).map(|n| step(form, n, directory, wrong)).collect(),
        plan,
        warnings,
    }
}

fn step(form: &Form, n: usize, directory: &Directory, wrong: &Wrong) -> StepForm {
    let name = format!("steps.{n}.targets");
    let chosen = form.all(&name);
    let options = choices::or_none("Choose…", choices::targets(directory));
    let rows = (0..=chosen.len()).map(|place| {
        let mut field = Field::new(&name).with(chosen.get(place).copied().unwrap_or_default());
        field.id = format!("steps-{n}-targets-{place}");
        if place == 0 {
            field.error = form.field(&name, wrong).error;
        }
        Select::new(field, options.clone())
    });
    let channels = format!("steps.{n}.channels");
    StepForm {
        targets: rows.collect(),
        delay: form.field(&format!("steps.{n}.delay"), wrong),
        channels: Checks::new(
            form.field(&channels, wrong).with(""),
            choices::channels(&form.all(&channels)),
        ),
    }
}

/// What is typed, as far as it can be read: for the preview.
fn as_typed(form: &Form) -> Policy {
    let target = |text: &&str| {
        let (kind, id) = text.split_once(':')?;
        Some(match kind {
            "user" => Target::User(id.parse().ok()?),
            "team" | "leads" => Target::Team {
                id: id.parse().ok()?,
                lead_only: kind == "leads",
            },
            "schedule" => Target::Schedule(id.parse().ok()?),
            _ => return None,
        })
    };
    let steps = (0..steps(form).len()).map(|n| Step {
        targets: form
            .all(&format!("steps.{n}.targets"))
            .iter()
            .filter_map(target)
            .collect(),
        delay_minutes: form.text(&format!("steps.{n}.delay")).parse().unwrap_or_default(),
        channels: form
            .all(&format!("steps.{n}.channels"))
            .into_iter()
            .filter_map(opsknight_domain::directory::Channel::from_word)
            .collect(),
    });
    Policy {
        id: PolicyId::new(uuid::Uuid::nil()),
        name: form.text("name").to_owned(),
        repeat: 0,
        steps: steps.collect(),
    }
}

/// What is typed, as the body of the API.
pub(super) fn as_body(form: &Form) -> Result<Value, ApiError> {
    let mut problems = Problems::default();
    let mut bodies = Vec::new();
    for n in 0..steps(form).len() {
        let targets: Vec<Value> = form
            .all(&format!("steps.{n}.targets"))
            .into_iter()
            .filter_map(target)
            .collect();
        let delay = form.number::<u32>(&format!("steps.{n}.delay"), &mut problems);
        bodies.push(json!({
            "targets": targets,
            "delayMinutes": delay.unwrap_or_default(),
            "channels": form.all(&format!("steps.{n}.channels")),
        }));
    }
    let repeat = form.number::<u32>("repeat", &mut problems).unwrap_or_default();
    problems.check()?;
    Ok(json!({
        "name": form.text("name"),
        "description": form.given("description"),
        "repeat": repeat,
        "steps": bodies,
    }))
}

fn target(text: &str) -> Option<Value> {
    let (kind, id) = text.split_once(':')?;
    let kind = match kind {
        "leads" => return Some(json!({ "type": "TEAM", "id": id, "leadOnly": true })),
        "user" => "USER",
        "team" => "TEAM",
        "schedule" => "SCHEDULE",
        _ => return None,
    };
    Some(json!({ "type": kind, "id": id }))
}

/// What the API says of `steps[0].delayMinutes` is shown beside `steps.0.delay`.
pub(super) fn wrong(error: ApiError) -> Result<Wrong, PageError> {
    Wrong::of_list(error, "steps", |field| match field {
        "delayMinutes" => "delay",
        "channels" => "channels",
        _ => "targets",
    })
}

-- Times are microseconds since 1970 UTC, identities are TypeIDs as text, JSON is text, and what is sealed is encrypted
-- under the secret key. One text for both databases.

CREATE TABLE counter (
    name {key} PRIMARY KEY,
    n BIGINT NOT NULL
);
INSERT INTO counter (name, n) VALUES ('incident_number', 0), ('directory_version', 1);

CREATE TABLE setting (
    name {key} PRIMARY KEY,
    sealed TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE app_user (
    id {key} PRIMARY KEY,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('ADMIN', 'RESPONDER', 'USER')),
    standing TEXT NOT NULL CHECK (standing IN ('INVITED', 'ACTIVE', 'DISABLED')),
    time_zone TEXT NOT NULL,
    phone TEXT,
    wants_news BOOLEAN NOT NULL,
    password_hash TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE UNIQUE INDEX app_user_email ON app_user (lower(email)) WHERE deleted_at IS NULL;

CREATE TABLE contact_method (
    id {key} PRIMARY KEY,
    user_id {key} NOT NULL REFERENCES app_user (id),
    channel TEXT NOT NULL CHECK (channel IN ('EMAIL', 'SMS', 'PUSH', 'SLACK', 'WHATSAPP', 'VOICE')),
    address TEXT NOT NULL,
    verified_at BIGINT,
    -- The code that was sent there last, until it is entered.
    code_hash TEXT,
    code_sent_at BIGINT,
    code_expires_at BIGINT,
    code_tries BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX contact_method_address ON contact_method (user_id, channel, address);
CREATE INDEX contact_method_channel ON contact_method (channel, address);

-- Addresses to which messages came back, or whose people asked for no more.
CREATE TABLE address_trouble (
    channel TEXT NOT NULL,
    address {key} NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('FAILING', 'STOPPED')),
    why TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (channel, address)
);

-- Workspaces of Slack that have the app.
CREATE TABLE slack_workspace (
    team_id {key} PRIMARY KEY,
    name TEXT NOT NULL,
    token_sealed TEXT NOT NULL,
    bot_user TEXT,
    default_channel TEXT,
    position BIGINT NOT NULL,
    installed_at BIGINT NOT NULL
);

-- Calls of providers that were worked on already: they come again when an answer was late.
CREATE TABLE heard (
    source TEXT NOT NULL,
    id {key} NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (source, id)
);
CREATE INDEX heard_at ON heard (at);

-- How often senders and people did something lately, counted by all replicas together.
CREATE TABLE allowance (
    key {key} PRIMARY KEY,
    full_at BIGINT NOT NULL,
    refused_at BIGINT
);
CREATE INDEX allowance_full ON allowance (full_at);

CREATE TABLE notification_rule (
    id {key} PRIMARY KEY,
    user_id {key} NOT NULL REFERENCES app_user (id),
    urgency TEXT NOT NULL CHECK (urgency IN ('HIGH', 'MEDIUM', 'LOW')),
    position BIGINT NOT NULL,
    channel TEXT NOT NULL CHECK (channel IN ('EMAIL', 'SMS', 'PUSH', 'SLACK', 'WHATSAPP', 'VOICE')),
    delay_minutes BIGINT NOT NULL
);
CREATE INDEX notification_rule_user ON notification_rule (user_id);

CREATE TABLE session (
    token_hash {key} PRIMARY KEY,
    user_id {key} NOT NULL REFERENCES app_user (id),
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ip TEXT,
    agent TEXT
);
CREATE INDEX session_person ON session (user_id);
CREATE INDEX session_expiry ON session (expires_at);

-- One-time links: setting up, accepting an invitation, choosing a new password.
CREATE TABLE login_token (
    token_hash {key} PRIMARY KEY,
    purpose TEXT NOT NULL CHECK (purpose IN ('SETUP', 'INVITE', 'RESET')),
    user_id {key} REFERENCES app_user (id),
    -- The name of who made it.
    made_by TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

-- What a browser has begun and comes back to finish: signing in with a second step, a passkey or at a provider. Each
-- counts once.
CREATE TABLE login_step (
    token_hash {key} PRIMARY KEY,
    purpose TEXT NOT NULL CHECK (purpose IN ('SECOND', 'PASSKEY', 'NEW_PASSKEY', 'PROVIDER')),
    user_id {key} REFERENCES app_user (id),
    sealed TEXT NOT NULL,
    tries BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX login_step_expiry ON login_step (expires_at);

-- The app that makes somebody's codes. It counts once a code has confirmed it.
CREATE TABLE second_factor (
    user_id {key} PRIMARY KEY REFERENCES app_user (id),
    secret_sealed TEXT NOT NULL,
    -- The time step of the last code that was taken: no code is taken twice.
    last_step BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    confirmed_at BIGINT
);

-- Codes for when the app is lost. One that was used is deleted.
CREATE TABLE recovery_code (
    user_id {key} NOT NULL REFERENCES app_user (id),
    code_hash {key} NOT NULL,
    PRIMARY KEY (user_id, code_hash)
);

-- The public halves of passkeys, by the identity that the device gave each.
CREATE TABLE passkey (
    id {key} PRIMARY KEY,
    user_id {key} NOT NULL REFERENCES app_user (id),
    name TEXT NOT NULL,
    credential TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE INDEX passkey_user ON passkey (user_id);

-- Who somebody is at an OpenID provider.
CREATE TABLE provider_identity (
    issuer {key} NOT NULL,
    subject {key} NOT NULL,
    user_id {key} NOT NULL REFERENCES app_user (id),
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX provider_identity_user ON provider_identity (user_id);

CREATE TABLE api_key (
    id {key} PRIMARY KEY,
    name TEXT NOT NULL,
    key_hash {key} NOT NULL,
    hint TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_by {key},
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT
);
CREATE UNIQUE INDEX api_key_hash ON api_key (key_hash);

CREATE TABLE team (
    id {key} PRIMARY KEY,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE team_member (
    team_id {key} NOT NULL REFERENCES team (id),
    user_id {key} NOT NULL REFERENCES app_user (id),
    position BIGINT NOT NULL,
    lead BOOLEAN NOT NULL,
    receives_notifications BOOLEAN NOT NULL,
    PRIMARY KEY (team_id, user_id)
);
CREATE INDEX team_member_user ON team_member (user_id);

-- Steps are one JSON document: they are read, written and checked as a whole.
CREATE TABLE escalation_policy (
    id {key} PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT,
    repeat_count BIGINT NOT NULL,
    steps TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Layers are one JSON document, for the same reason.
CREATE TABLE schedule (
    id {key} PRIMARY KEY,
    name TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    layers TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE schedule_override (
    id {key} PRIMARY KEY,
    schedule_id {key} NOT NULL REFERENCES schedule (id),
    user_id {key} NOT NULL REFERENCES app_user (id),
    start_at BIGINT NOT NULL,
    end_at BIGINT NOT NULL,
    replaces_user_id {key} REFERENCES app_user (id),
    created_at BIGINT NOT NULL
);
CREATE INDEX schedule_override_end ON schedule_override (schedule_id, end_at);

-- How often somebody has made their calendar links anew: the links are signed with it.
CREATE TABLE calendar_feed (
    user_id {key} PRIMARY KEY REFERENCES app_user (id),
    generation BIGINT NOT NULL,
    renewed_at BIGINT NOT NULL
);

CREATE TABLE service (
    id {key} PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT,
    team_id {key} REFERENCES team (id),
    policy_id {key} REFERENCES escalation_policy (id),
    region TEXT,
    sla_tier TEXT,
    slack_channel TEXT,
    runbook_url TEXT,
    repository_url TEXT,
    dashboard_url TEXT,
    target_ack_minutes BIGINT,
    target_resolve_minutes BIGINT,
    notification_channels TEXT NOT NULL,
    notify_on TEXT NOT NULL,
    urgency_by_severity TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);

-- Times in which a service is in maintenance.
CREATE TABLE maintenance (
    id {key} PRIMARY KEY,
    service_id {key} NOT NULL REFERENCES service (id),
    start_at BIGINT NOT NULL,
    end_at BIGINT NOT NULL,
    reason TEXT,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX maintenance_end ON maintenance (service_id, end_at);

CREATE TABLE integration (
    id {key} PRIMARY KEY,
    service_id {key} NOT NULL REFERENCES service (id),
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    key_hash {key} NOT NULL,
    key_sealed TEXT NOT NULL,
    secret_sealed TEXT,
    enabled BOOLEAN NOT NULL,
    require_key BOOLEAN NOT NULL,
    rate_limit_per_minute BIGINT NOT NULL,
    field_mapping TEXT,
    -- Which bearer tokens are believed, and which topics of SNS; both are JSON.
    token_rule TEXT,
    topics TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX integration_key ON integration (key_hash);
CREATE INDEX integration_service ON integration (service_id, id);

CREATE TABLE webhook (
    id {key} PRIMARY KEY,
    name TEXT NOT NULL,
    type TEXT NOT NULL CHECK (type IN ('GOOGLE_CHAT', 'TEAMS', 'DISCORD', 'TELEGRAM', 'GENERIC')),
    url_sealed TEXT NOT NULL,
    secret_sealed TEXT,
    channel TEXT,
    enabled BOOLEAN NOT NULL,
    events TEXT NOT NULL,
    service_ids TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Every request that a sender made and that was authentic, as it came.
CREATE TABLE receipt (
    id {key} PRIMARY KEY,
    at BIGINT NOT NULL,
    integration_id {key},
    service_id {key},
    type TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    query TEXT NOT NULL,
    headers TEXT NOT NULL,
    status BIGINT NOT NULL,
    results TEXT NOT NULL,
    remote_id {key},
    is_test BOOLEAN NOT NULL,
    replay_of {key},
    -- The last column: what is long need not be passed by to read the others.
    body {blob} NOT NULL
);
CREATE INDEX receipt_integration ON receipt (integration_id, id);
CREATE INDEX receipt_service ON receipt (service_id, id);
-- A delivery id that a sender gave: the same one is taken once. The retention sweep forgets it after a day.
CREATE UNIQUE INDEX receipt_remote ON receipt (integration_id, remote_id) WHERE remote_id IS NOT NULL;

CREATE TABLE incident (
    id {key} PRIMARY KEY,
    number BIGINT NOT NULL,
    title TEXT NOT NULL,
    -- The words of title, key and number by which it is found, each between spaces.
    words TEXT NOT NULL DEFAULT '',
    description TEXT,
    status TEXT NOT NULL CHECK (status IN ('OPEN', 'ACKNOWLEDGED', 'SNOOZED', 'SUPPRESSED', 'RESOLVED')),
    urgency TEXT NOT NULL CHECK (urgency IN ('HIGH', 'MEDIUM', 'LOW')),
    priority TEXT,
    -- A JSON list; to be searched they stand in incident_tag.
    tags TEXT,
    is_test BOOLEAN NOT NULL,
    dedup_key {key} NOT NULL,
    service_id {key} NOT NULL REFERENCES service (id),
    -- The integration whose alert opened it.
    integration_id {key},
    assignee_id {key},
    assigned_by_hand BOOLEAN NOT NULL,
    team_id {key},
    policy_id {key},
    escalation_round BIGINT NOT NULL,
    escalation_next_step BIGINT NOT NULL,
    escalation_due BIGINT,
    -- How often escalation began with the first step.
    escalations BIGINT NOT NULL,
    merged_into {key},
    snoozed_until BIGINT,
    -- It is snoozed until the maintenance ends in which it began.
    in_maintenance BOOLEAN NOT NULL,
    ack_due BIGINT,
    resolve_due BIGINT,
    ack_breached BOOLEAN NOT NULL,
    resolve_breached BOOLEAN NOT NULL,
    closes_at BIGINT,
    custom_details TEXT,
    links TEXT,
    images TEXT,
    alert_count BIGINT NOT NULL,
    -- When the problem last began by the sender's own clock.
    changed_at BIGINT,
    created_at BIGINT NOT NULL,
    acknowledged_at BIGINT,
    -- Stays when it is opened again: how fast people answered is measured by it.
    first_acknowledged_at BIGINT,
    resolved_at BIGINT,
    updated_at BIGINT NOT NULL,
    -- The earliest of all the times above at which something must be done; none when nothing must be.
    due_at BIGINT
);
CREATE UNIQUE INDEX incident_live ON incident (service_id, dedup_key) WHERE status <> 'RESOLVED';
CREATE UNIQUE INDEX incident_number ON incident (number);
CREATE INDEX incident_due ON incident (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX incident_service ON incident (service_id, id);
CREATE INDEX incident_created ON incident (created_at, number);
CREATE INDEX incident_resolved ON incident (service_id, resolved_at) WHERE resolved_at IS NOT NULL;
CREATE INDEX incident_maintenance ON incident (service_id) WHERE in_maintenance;
-- Lists. Those that are not resolved are few: one index holds all that lists ask of them. Those that are resolved are
-- many and rest: each list of them is one run through an index for each urgency.
CREATE INDEX incident_unresolved ON incident
    (status, urgency, created_at, number, updated_at, service_id, team_id, assignee_id, is_test) WHERE status <> 'RESOLVED';
CREATE INDEX incident_past ON incident (urgency, created_at, number) WHERE status = 'RESOLVED';
CREATE INDEX incident_past_changed ON incident (urgency, updated_at, number) WHERE status = 'RESOLVED';
CREATE INDEX incident_past_service ON incident (service_id, urgency, created_at, number) WHERE status = 'RESOLVED';
CREATE INDEX incident_past_service_changed ON incident (service_id, urgency, updated_at, number) WHERE status = 'RESOLVED';
CREATE INDEX incident_past_team ON incident (team_id, urgency, created_at, number)
    WHERE status = 'RESOLVED' AND team_id IS NOT NULL;
CREATE INDEX incident_past_team_changed ON incident (team_id, urgency, updated_at, number)
    WHERE status = 'RESOLVED' AND team_id IS NOT NULL;
CREATE INDEX incident_past_assignee ON incident (assignee_id, urgency, created_at, number, team_id)
    WHERE status = 'RESOLVED' AND assignee_id IS NOT NULL;
CREATE INDEX incident_past_assignee_changed ON incident (assignee_id, urgency, updated_at, number, team_id)
    WHERE status = 'RESOLVED' AND assignee_id IS NOT NULL;

-- Lists of incidents that people have saved: the query string of the page.
CREATE TABLE saved_view (
    id {key} PRIMARY KEY,
    user_id {key} NOT NULL REFERENCES app_user (id),
    name TEXT NOT NULL,
    query TEXT NOT NULL,
    -- Shown to everybody.
    shared BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX saved_view_user ON saved_view (user_id);
CREATE INDEX saved_view_shared ON saved_view (id) WHERE shared;

CREATE INDEX incident_merged ON incident (merged_into) WHERE merged_into IS NOT NULL;

CREATE TABLE incident_tag (
    tag {key} NOT NULL,
    incident_id {key} NOT NULL REFERENCES incident (id),
    PRIMARY KEY (tag, incident_id)
);
CREATE INDEX incident_tag_incident ON incident_tag (incident_id);

-- Problems whose incident was merged: what their senders say goes to the other one while that is live.
CREATE TABLE merged_key (
    service_id {key} NOT NULL REFERENCES service (id),
    dedup_key {key} NOT NULL,
    incident_id {key} NOT NULL REFERENCES incident (id),
    merged_at BIGINT NOT NULL,
    PRIMARY KEY (service_id, dedup_key)
);
CREATE INDEX merged_key_incident ON merged_key (incident_id);

-- People who were asked for help with an incident.
CREATE TABLE incident_responder (
    incident_id {key} NOT NULL REFERENCES incident (id),
    user_id {key} NOT NULL,
    asked_at BIGINT NOT NULL,
    asked_by TEXT NOT NULL,
    why TEXT NOT NULL,
    message TEXT,
    PRIMARY KEY (incident_id, user_id)
);

-- When, by the sender's own clock, the problem under a key last ended: messages may overtake each other.
CREATE TABLE ended (
    service_id {key} NOT NULL REFERENCES service (id),
    dedup_key {key} NOT NULL,
    changed_at BIGINT NOT NULL,
    noted_at BIGINT NOT NULL,
    PRIMARY KEY (service_id, dedup_key)
);
CREATE INDEX ended_noted ON ended (noted_at);

CREATE TABLE alert (
    incident_id {key} NOT NULL REFERENCES incident (id),
    id {key} NOT NULL,
    receipt_id {key},
    action TEXT NOT NULL CHECK (action IN ('trigger', 'acknowledge', 'resolve')),
    severity TEXT NOT NULL CHECK (severity IN ('critical', 'error', 'warning', 'info')),
    summary TEXT NOT NULL,
    source TEXT,
    component TEXT,
    grouping TEXT,
    class TEXT,
    details TEXT,
    occurred_at BIGINT,
    created_at BIGINT NOT NULL,
    -- The incident that it was received for, where that one was merged.
    merged_from {key},
    PRIMARY KEY (incident_id, id)
);

CREATE TABLE entry (
    incident_id {key} NOT NULL REFERENCES incident (id),
    id {key} NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id {key},
    actor_name TEXT NOT NULL,
    text TEXT NOT NULL,
    data TEXT,
    PRIMARY KEY (incident_id, id)
);
CREATE INDEX entry_people ON entry (incident_id, id) WHERE actor_kind IN ('USER', 'API_KEY');

CREATE TABLE delivery (
    id {key} PRIMARY KEY,
    purpose TEXT NOT NULL CHECK (purpose IN ('PAGE', 'NOTICE', 'WEBHOOK', 'ACCOUNT', 'EDIT')),
    channel TEXT NOT NULL,
    incident_id {key} REFERENCES incident (id),
    user_id {key},
    webhook_id {key},
    address TEXT,
    happening TEXT,
    -- How urgent the incident was when this was decided on.
    urgency TEXT CHECK (urgency IN ('HIGH', 'MEDIUM', 'LOW')),
    -- What the incident was when this was decided on; for an account message its sealed text.
    snapshot TEXT NOT NULL,
    reason TEXT NOT NULL,
    -- Which of the incident's escalations decided on this page, and which of its steps.
    escalation BIGINT,
    step_round BIGINT,
    step_index BIGINT,
    state TEXT NOT NULL CHECK (state IN ('PENDING', 'SENDING', 'SENT', 'FAILED', 'SKIPPED')),
    -- It follows the default order of channels: when this one does not take it, the next one is tried.
    in_order BOOLEAN NOT NULL,
    due_at BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    -- Refusals in a row, each by another provider; and the provider that was asked last.
    refusals BIGINT NOT NULL,
    provider TEXT,
    -- The delivery in whose message this one was sent along.
    bundle_id {key},
    lease_until BIGINT,
    outcome TEXT,
    -- The provider's own identity of it; of an edit, that of the message that is edited.
    provider_id {key},
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    -- When the provider said that it has arrived.
    delivered_at BIGINT
);
CREATE INDEX delivery_due_page ON delivery (due_at) WHERE state = 'PENDING' AND purpose IN ('PAGE', 'ACCOUNT');
CREATE INDEX delivery_due_news ON delivery (due_at) WHERE state = 'PENDING' AND purpose IN ('NOTICE', 'EDIT');
CREATE INDEX delivery_due_address ON delivery (channel, address, due_at) WHERE state = 'PENDING' AND purpose = 'PAGE';
CREATE INDEX delivery_sending_address ON delivery (channel, address)
    WHERE state = 'SENDING' AND purpose = 'PAGE' AND bundle_id IS NULL;
CREATE INDEX delivery_sent_address ON delivery (channel, address, finished_at)
    WHERE state = 'SENT' AND purpose = 'PAGE' AND bundle_id IS NULL;
CREATE INDEX delivery_bundle ON delivery (bundle_id) WHERE bundle_id IS NOT NULL;
CREATE INDEX delivery_user ON delivery (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX delivery_provider ON delivery (provider_id) WHERE provider_id IS NOT NULL;
CREATE INDEX delivery_due_webhook ON delivery (webhook_id, due_at) WHERE state = 'PENDING' AND webhook_id IS NOT NULL;
CREATE INDEX delivery_leased ON delivery (lease_until) WHERE state = 'SENDING';
CREATE INDEX delivery_incident ON delivery (incident_id, id);
CREATE INDEX delivery_failed ON delivery (finished_at) WHERE state = 'FAILED';
CREATE INDEX delivery_unsent ON delivery (state, id) WHERE state <> 'SENT';
CREATE INDEX delivery_paged ON delivery (finished_at) WHERE state = 'SENT' AND purpose = 'PAGE';
CREATE INDEX delivery_webhook ON delivery (webhook_id, id) WHERE webhook_id IS NOT NULL;

-- Until when nothing more is sent to a webhook (channel WEBHOOK, its id) or a conversation: its provider asks for it.
CREATE TABLE pause (
    channel TEXT NOT NULL,
    address {key} NOT NULL,
    ends_at BIGINT NOT NULL,
    PRIMARY KEY (channel, address)
);

-- The ledger of attempts: one row for every time a message was handed to a provider, or may have been.
CREATE TABLE attempt (
    delivery_id {key} NOT NULL REFERENCES delivery (id),
    n BIGINT NOT NULL,
    provider TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('ACCEPTED', 'RETRY', 'REFUSED', 'MISCONFIGURED', 'UNKNOWN')),
    detail TEXT NOT NULL,
    PRIMARY KEY (delivery_id, n)
);

CREATE TABLE change_event (
    id {key} PRIMARY KEY,
    service_id {key} NOT NULL REFERENCES service (id),
    integration_id {key},
    summary TEXT NOT NULL,
    source TEXT,
    occurred_at BIGINT,
    custom_details TEXT,
    links TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX change_event_service ON change_event (service_id, id);

CREATE TABLE audit (
    id {key} PRIMARY KEY,
    at BIGINT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id {key},
    actor_name TEXT NOT NULL,
    ip TEXT,
    action TEXT NOT NULL,
    object_kind TEXT NOT NULL,
    object_id {key} NOT NULL,
    object_name TEXT NOT NULL,
    changes TEXT NOT NULL
);
CREATE INDEX audit_object ON audit (object_id, id);
CREATE INDEX audit_integration_deleted ON audit (id) WHERE action = 'integration.deleted';
CREATE INDEX audit_actor ON audit (actor_id, id);

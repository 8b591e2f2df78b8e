//! Who and what there is in the demo, by name.

use opsknight_domain::directory::Role;

/// Name, first part of the mail address, role, time zone, telephone, and whether they use WhatsApp on it.
pub(super) type PersonRow = (
    &'static str,
    &'static str,
    Role,
    &'static str,
    Option<&'static str>,
    bool,
);

/// The people; the first is the administrator.
pub(super) const PEOPLE: [PersonRow; 14] = [
    (
        "Alex Moreno",
        "alex",
        Role::Admin,
        "Europe/Berlin",
        Some("+4930555010"),
        true,
    ),
    (
        "Priya Raman",
        "priya",
        Role::Responder,
        "Asia/Kolkata",
        Some("+912255501"),
        true,
    ),
    (
        "Jonas Weber",
        "jonas",
        Role::Responder,
        "Europe/Berlin",
        Some("+4930555011"),
        true,
    ),
    (
        "Mei Tanaka",
        "mei",
        Role::Responder,
        "Asia/Tokyo",
        Some("+81355501"),
        true,
    ),
    (
        "Sam Okafor",
        "sam",
        Role::Responder,
        "Africa/Lagos",
        Some("+23415550"),
        false,
    ),
    (
        "Lena Fischer",
        "lena",
        Role::Admin,
        "Europe/Berlin",
        Some("+4930555012"),
        true,
    ),
    ("Tom Ellis", "tom", Role::User, "Europe/London", None, false),
    (
        "Sofia Rossi",
        "sofia",
        Role::Responder,
        "Europe/Rome",
        Some("+39065550"),
        true,
    ),
    (
        "Diego Silva",
        "diego",
        Role::Responder,
        "America/Sao_Paulo",
        Some("+5511555"),
        true,
    ),
    (
        "Grace Kim",
        "grace",
        Role::Responder,
        "America/Los_Angeles",
        Some("+14155550"),
        true,
    ),
    (
        "Noah Carter",
        "noah",
        Role::Responder,
        "America/New_York",
        Some("+12125550"),
        false,
    ),
    (
        "Aisha Khan",
        "aisha",
        Role::Responder,
        "Asia/Dubai",
        Some("+97145550"),
        true,
    ),
    ("Yuki Sato", "yuki", Role::Responder, "Asia/Tokyo", None, true),
    ("Marta Nowak", "marta", Role::User, "Europe/Warsaw", None, false),
];

/// The teams with their members; the first leads.
pub(super) const TEAMS: [(&str, &[usize]); 4] = [
    ("Shop", &[0, 1, 2, 3, 7]),
    ("Platform", &[5, 3, 12, 4, 8, 9]),
    ("Data", &[10, 9, 8]),
    ("Security", &[11, 7, 4]),
];

/// Name, description, team, minutes to acknowledge and to resolve, and the integrations: type and name.
pub(super) type ServiceLine = (
    &'static str,
    &'static str,
    usize,
    (u32, u32),
    &'static [(&'static str, &'static str)],
);

/// Maintenance that is planned: of which service, how many nights from now, for how many hours, and why.
pub(super) const MAINTENANCE: [(&str, i64, i64, &str); 3] = [
    ("Checkout", 2, 1, "A new version of the payment provider's library"),
    ("Checkout", 9, 2, "The database moves to larger machines"),
    ("Search", 4, 3, "The index is built anew"),
];

/// The services. The first integration of each is the one that sends.
pub(super) const SERVICES: [ServiceLine; 13] = [
    (
        "Checkout",
        "Takes payments. Every minute of it costs money.",
        0,
        (5, 60),
        &[
            ("PROMETHEUS", "Production Alertmanager"),
            ("SENTRY", "Sentry, checkout-api"),
            ("GITHUB", "GitHub deployments"),
        ],
    ),
    (
        "Storefront",
        "The shop that customers see.",
        0,
        (10, 120),
        &[
            ("PROMETHEUS", "Production Alertmanager"),
            ("UPTIME_KUMA", "Uptime from outside"),
        ],
    ),
    (
        "Search",
        "Finds products; falls back to categories.",
        0,
        (15, 240),
        &[("PROMETHEUS", "Search cluster")],
    ),
    (
        "Recommendations",
        "What else you might like. Nobody is woken for it.",
        0,
        (60, 1440),
        &[("GRAFANA", "Grafana Cloud")],
    ),
    (
        "Mobile API",
        "What the apps talk to.",
        0,
        (10, 120),
        &[("PROMETHEUS", "Production Alertmanager"), ("DATADOG", "Datadog RUM")],
    ),
    (
        "Postgres main",
        "The primary database and its replicas.",
        1,
        (5, 120),
        &[("PROMETHEUS", "Database Alertmanager")],
    ),
    (
        "Kubernetes",
        "The clusters that everything runs on.",
        1,
        (10, 240),
        &[("PROMETHEUS", "Cluster Alertmanager"), ("CLOUDWATCH", "AWS alarms")],
    ),
    (
        "Message bus",
        "Orders and events between services.",
        1,
        (10, 120),
        &[("PROMETHEUS", "Kafka Alertmanager")],
    ),
    (
        "Edge and DNS",
        "Load balancers, certificates, names.",
        1,
        (10, 120),
        &[("EVENTS_API_V2", "Synthetic checks")],
    ),
    (
        "Data warehouse",
        "Reports and the finance exports.",
        2,
        (60, 1440),
        &[("EVENTS_API_V2", "Airflow")],
    ),
    (
        "Nightly jobs",
        "Exports, reports and clean-up.",
        2,
        (60, 1440),
        &[("EVENTS_API_V2", "Cron wrapper")],
    ),
    (
        "Identity",
        "Sign-in for customers and staff.",
        3,
        (5, 60),
        &[("PROMETHEUS", "Production Alertmanager")],
    ),
    (
        "Secrets and certificates",
        "Vault, keys and what runs out.",
        3,
        (30, 1440),
        &[("WEBHOOK", "Expiry watch")],
    ),
];

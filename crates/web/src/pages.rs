//! The pages: what people see and the forms that they send.
//!
//! Handlers read, ask `actions` or the API's functions, and fill the contexts of `views`. No rule is written here.

mod ack;
mod choices;
mod dashboard;
mod error;
mod flash;
mod foresight;
mod form;
mod gate;
mod incident;
mod incidents;
mod records;
mod rows;
mod viewer;
mod zones;

pub use error::PageError;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    handler::Handler,
    middleware,
    routing::{MethodRouter, get, post},
};

use crate::{
    api::{access, error::ApiError},
    live,
    state::AppState,
};

/// Routes with a record of them, so that a test can compare them with the access table.
struct Routes {
    router: Router<AppState>,
    paths: Vec<(&'static str, &'static str)>,
}

impl Routes {
    fn get<T: 'static, H: Handler<T, AppState>>(self, path: &'static str, handler: H) -> Self {
        self.add("GET", path, get(handler))
    }

    fn post<T: 'static, H: Handler<T, AppState>>(self, path: &'static str, handler: H) -> Self {
        self.add("POST", path, post(handler))
    }

    fn add(mut self, method: &'static str, path: &'static str, route: MethodRouter<AppState>) -> Self {
        self.router = self.router.route(path, route);
        self.paths.push((method, path));
        self
    }
}

fn all() -> Routes {
    let routes = Routes {
        router: Router::new(),
        paths: Vec::new(),
    };
    incident_routes(gate_routes(routes))
        .get("/", dashboard::show)
        .get("/live", live::live)
        .post("/theme", gate::set_theme)
        .get("/events", records::events)
        .get("/events/{id}", records::event)
        .get("/notifications", records::notifications)
        .get("/audit", records::audit)
}

fn gate_routes(routes: Routes) -> Routes {
    routes
        .get("/login", gate::login)
        .post("/login", gate::sign_in)
        .post("/logout", gate::sign_out)
        .get("/setup", gate::setup)
        .post("/setup", gate::set_up)
        .get("/invite/{token}", gate::invite)
        .post("/invite/{token}", gate::accept)
        .get("/ack/{token}", ack::show)
        .post("/ack/{token}", ack::acknowledge)
}

fn incident_routes(routes: Routes) -> Routes {
    routes
        .get("/incidents", incidents::list)
        .post("/incidents", incidents::create)
        .get("/incidents/new", incidents::new)
        .get("/incidents/{id}", incident::show)
        .post("/incidents/{id}/acknowledge", incident::acknowledge)
        .post("/incidents/{id}/resolve", incident::resolve)
        .post("/incidents/{id}/reopen", incident::reopen)
        .post("/incidents/{id}/suppress", incident::suppress)
        .post("/incidents/{id}/snooze", incident::snooze)
        .post("/incidents/{id}/reassign", incident::reassign)
        .post("/incidents/{id}/urgency", incident::urgency)
        .post("/incidents/{id}/notes", incident::note)
}

/// The pages behind their gate.
pub(crate) fn routes(state: &AppState) -> Router<AppState> {
    all()
        .router
        .method_not_allowed_fallback(async || PageError::from(ApiError::method_not_allowed()))
        .route_layer(middleware::from_fn_with_state(state.clone(), access::page_gate))
        .layer(DefaultBodyLimit::max(state.limits.body_bytes))
}

/// What is answered where there is no page.
pub(crate) async fn not_found() -> PageError {
    ApiError::not_found("page").into()
}

/// The method and path of every page, for the test of the access table.
#[cfg(test)]
pub(crate) fn paths() -> Vec<(&'static str, &'static str)> {
    all().paths
}

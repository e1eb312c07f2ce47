//! `GET .../redemptions`: a partner's redemptions, newest first, or one of them.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use web::{Caller, Nothing, PageQuery, Problem, Query, RedemptionView, Scope, cursor, redemption};

use crate::ReadAccounts;

pub(crate) async fn list(
    State(api): State<ReadAccounts>,
    Path(id): Path<String>,
    Query(page): Query<PageQuery>,
    caller: Caller,
) -> Result<Response, Problem> {
    let partner = caller.partner(&id, Scope::Read)?;
    let before = page.cursor.as_ref().map(|c| cursor::read("redemptions", &caller.program, &partner, c)).transpose()?;
    let limit = page.limit()?;
    let found = store::redemptions::page(&api.store, &caller.program, &partner, before.as_deref(), limit).await?;
    let last = found.last().filter(|_| found.len() == limit);
    let next_cursor = last.map(|r| cursor::write("redemptions", &caller.program, &partner, &r.id));
    let items: Vec<RedemptionView> = found.into_iter().map(RedemptionView::from).collect();
    let mut list = serde_json::json!({ "items": items });
    if let (Some(list), Some(next)) = (list.as_object_mut(), next_cursor) {
        list.insert("next_cursor".to_owned(), next.into());
    }
    Ok(Json(list).into_response())
}

pub(crate) async fn show(
    State(api): State<ReadAccounts>,
    Path((id, asked)): Path<(String, String)>,
    Query(Nothing {}): Query<Nothing>,
    caller: Caller,
) -> Result<Response, Problem> {
    let partner = caller.partner(&id, Scope::Read)?;
    Ok(Json(RedemptionView::from(redemption(&api.store, &caller, &partner, &asked).await?)).into_response())
}

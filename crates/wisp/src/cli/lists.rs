use serde_json::Value;
use wisp_wire::client::{Client, Collection, Page, Place};

use super::{Out, Pages, output::BOLD};

/// Lists a collection and prints it.
pub async fn list(
    out: Out,
    client: &Client,
    collection: Collection,
    place: &Place,
    pages: &Pages,
) -> anyhow::Result<()> {
    if pages.count {
        return out.line(&client.count(collection, place, pages.page().skip).await?.to_string());
    }
    let items = fetch(client, collection, place, pages.page(), pages.name_sort).await?;
    if out.for_people() {
        print(out, collection, &items)
    } else {
        out.document(&items)
    }
}

/// Lists a collection; of rules also the status, which lists leave out.
pub async fn fetch(
    client: &Client,
    collection: Collection,
    place: &Place,
    page: Page,
    name_sort: bool,
) -> anyhow::Result<Vec<Value>> {
    let mut items: Vec<Value> = client.list(collection, place, page).await?;
    if collection == Collection::Rules {
        for rule in &mut items {
            let name = full_name(rule).parse()?;
            let known: Value = client.get(collection, &name).await?;
            rule["status"] = known["status"].clone();
            if !known["failing"].is_null() {
                rule["failing"] = known["failing"].clone();
            }
        }
    }
    if name_sort {
        items.sort_by_key(full_name);
    }
    Ok(items)
}

/// Prints a list as `wsk` does.
pub fn print(out: Out, collection: Collection, items: &[Value]) -> anyhow::Result<()> {
    out.line(&format!("{BOLD}{}{BOLD:#}", collection.as_str()))?;
    items.iter().try_for_each(|item| out.line(&row(collection, item)))
}

fn row(collection: Collection, item: &Value) -> String {
    let name = full_name(item);
    let shared = match item["publish"] {
        Value::Bool(true) if collection == Collection::Packages => "shared",
        _ => "private",
    };
    let last = match collection {
        Collection::Actions => annotation(item, "exec").and_then(Value::as_str).unwrap_or_default(),
        Collection::Rules => item["status"].as_str().unwrap_or_default(),
        _ => return format!("{name:<70} {shared}"),
    };
    match collection {
        Collection::Rules if item.get("failing").is_some() => format!("{name:<70} {shared:<8} {last}, failing"),
        Collection::Rules => format!("{name:<70} {shared:<8} {last}"),
        _ => format!("{name:<70} {shared} {last}"),
    }
}

/// `/namespace/name`, or `/namespace/package/name`.
pub fn full_name(item: &Value) -> String {
    let text = |field: &str| item[field].as_str().unwrap_or_default().to_owned();
    format!("/{}/{}", text("namespace"), text("name"))
}

/// An annotation of a document.
pub fn annotation<'a>(document: &'a Value, key: &str) -> Option<&'a Value> {
    let annotations = document["annotations"].as_array()?;
    annotations
        .iter()
        .find(|annotation| annotation["key"] == key)
        .map(|annotation| &annotation["value"])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_look_like_those_of_wsk() {
        let exec = json!([{"key": "exec", "value": "nodejs:20"}]);
        let action = json!({"namespace": "guest/pkg", "name": "hello", "publish": true, "annotations": exec});
        assert_eq!(
            row(Collection::Actions, &action),
            format!("{:<70} private nodejs:20", "/guest/pkg/hello")
        );
        let package = json!({"namespace": "guest", "name": "pkg", "publish": true});
        assert_eq!(
            row(Collection::Packages, &package),
            format!("{:<70} shared", "/guest/pkg")
        );
        let rule = json!({"namespace": "guest", "name": "r", "status": "inactive"});
        assert_eq!(
            row(Collection::Rules, &rule),
            format!("{:<70} private  inactive", "/guest/r")
        );
    }
}

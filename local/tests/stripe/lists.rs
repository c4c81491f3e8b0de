//! Lists of the fake Stripe. They are filtered by creation time, newest first, a page at a time.

use serde_json::{Value, json};

use super::shop::{Shop, id};

const HOUR: i64 = 60 * 60;

/// Returns a shop with one of each object, and another one created an hour later.
async fn busy_shop() -> (Shop, i64) {
    let shop = Shop::open_on("2027-01-31T12:00:00Z").await;
    make(&shop).await;
    shop.fake.clock().skip(HOUR);
    let later = shop.fake.clock().now().as_second();
    make(&shop).await;
    (shop, later)
}

/// Creates a customer, a plan with its invoice, and two payments. One is refunded and one disputed.
async fn make(shop: &Shop) {
    shop.client.post("/v1/customers", &[]).await;
    shop.subscribe().await;
    let payment = shop.buy().await;
    let refund = [("payment_intent", payment.as_str())];
    shop.client.post("/v1/refunds", &refund).await;
    let dispute = json!({"payment_intent": shop.buy().await, "status": "needs_response"});
    shop.control("/_local/disputes", dispute).await;
}

const LISTS: [&str; 8] = [
    "/v1/checkout/sessions",
    "/v1/customers",
    "/v1/disputes",
    "/v1/events",
    "/v1/invoices",
    "/v1/payment_intents",
    "/v1/refunds",
    "/v1/subscriptions",
];

fn ids(list: &Value) -> Vec<String> {
    let data = list["data"].as_array().unwrap().iter();
    data.map(|one| id(&one["id"])).collect()
}

#[tokio::test]
async fn each_list_is_filtered_by_creation_time() {
    let (shop, later) = busy_shop().await;
    let get = async |path: &str, query: String| {
        let list = shop.get(&format!("{path}?limit=100&{query}")).await;
        assert_eq!(list["has_more"], false, "{path} {query}: {list}");
        ids(&list)
    };
    for path in LISTS {
        let all = get(path, String::new()).await;
        let new = get(path, format!("created[gte]={later}")).await;
        let old = get(path, format!("created[lt]={later}")).await;

        assert!(!new.is_empty() && !old.is_empty(), "{path}");
        assert_eq!([new.clone(), old.clone()].concat(), all, "{path}");
        let before = later - 1;
        assert_eq!(get(path, format!("created[gt]={before}")).await, new);
        assert_eq!(get(path, format!("created[lte]={before}")).await, old);
        let between = format!("created[gt]={}&created[lte]={before}", later - HOUR / 2);
        assert!(get(path, between).await.is_empty(), "{path}");
        let first = shop.get(&format!("{path}?limit=1")).await;
        let moment = &first["data"][0]["created"];
        assert!(
            get(path, format!("created={moment}"))
                .await
                .contains(&new[0])
        );
        let wrong = format!("{path}?created[since]={later}");
        assert_eq!(shop.client.get(&wrong).await.status, 400);
    }
}

#[tokio::test]
async fn each_list_can_be_read_in_pages_of_one() {
    let (shop, _) = busy_shop().await;
    for path in LISTS {
        let all = ids(&shop.get(&format!("{path}?limit=100")).await);
        let mut read: Vec<String> = Vec::new();
        loop {
            let after = read.last();
            let after = after.map_or(String::new(), |id| format!("&starting_after={id}"));
            let page = shop.get(&format!("{path}?limit=1{after}")).await;
            read.extend(ids(&page));
            if page["has_more"] == false {
                break;
            }
        }
        assert_eq!(read, all, "{path}");
    }
}

#[tokio::test]
async fn a_list_of_an_unknown_customer_is_refused() {
    let shop = Shop::open_on("2027-01-31T12:00:00Z").await;

    for list in ["subscriptions", "invoices"] {
        let path = format!("/v1/{list}?customer=cus_unknown");
        let refused = shop.client.get(&path).await;
        assert_eq!(refused.status, 400, "{list}");
        assert_eq!(refused.body["error"]["code"], "resource_missing");
        assert_eq!(refused.body["error"]["param"], "customer");
    }
}

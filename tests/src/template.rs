//! `infra/template.yaml`, read for what the code must agree with.

use std::collections::{BTreeMap, BTreeSet};

use yaml_rust2::{Yaml, YamlLoader};

use crate::Permission;

/// The template. Short forms such as `!GetAtt X.Arn` read as what they stand before: `X.Arn`.
pub struct Template(Yaml);

impl Template {
    /// Reads it.
    ///
    /// # Panics
    /// If it is no YAML.
    pub fn read() -> Self {
        let text = include_str!("../../infra/template.yaml");
        Self(YamlLoader::load_from_str(text).expect("YAML").remove(0))
    }

    /// Every resource of a type, by its name.
    ///
    /// # Panics
    /// If the template has no resources.
    pub fn resources<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Yaml)> {
        let all = self.0["Resources"].as_hash().expect("resources").iter();
        let named = all.filter_map(|(name, resource)| Some((name.as_str()?, resource)));
        named.filter(move |(_, r)| r["Type"].as_str() == Some(kind)).map(|(name, r)| (name, &r["Properties"]))
    }

    /// The properties of one resource.
    pub fn resource(&self, name: &str) -> &Yaml {
        &self.0["Resources"][name]["Properties"]
    }

    /// The variables that every function has.
    pub fn global_variables(&self) -> BTreeSet<String> {
        names(&self.0["Globals"]["Function"]["Environment"]["Variables"])
    }

    /// What the statements of a policy of a role (or of a managed policy) allow, one action and resource each.
    ///
    /// # Panics
    /// If a statement has another form than the template's.
    pub fn allowed(&self, role: &str, policy: &str) -> BTreeSet<Permission> {
        let policies = self.resource(role)["Policies"].as_vec().expect("policies");
        let found = policies.iter().find(|p| p["PolicyName"].as_str() == Some(policy)).expect("the policy");
        statements(&found["PolicyDocument"])
    }
}

/// The permissions of a policy document.
///
/// # Panics
/// If a statement has another form than the template's.
pub fn statements(document: &Yaml) -> BTreeSet<Permission> {
    let mut allowed = BTreeSet::new();
    // A statement under `!If` is for customer keys, which are the platform's.
    for statement in document["Statement"].as_vec().expect("statements").iter().filter(|s| s.as_hash().is_some()) {
        assert_eq!(statement["Effect"].as_str(), Some("Allow"));
        let resource = short(statement["Resource"].as_str().expect("one resource"));
        let actions = statement["Action"].as_vec().expect("a list of actions");
        allowed.extend(actions.iter().map(|a| (a.as_str().expect("an action").to_owned(), resource.clone())));
    }
    allowed
}

/// A resource as the recorder names it: `ledger`, `state/by_due`, `partner-events`.
fn short(resource: &str) -> String {
    if let Some((_, table)) = resource.split_once("table/${AWS::StackName}.") {
        return table.replace('*', "").replace("/index", "");
    }
    if let Some((_, secret)) = resource.split_once("secret:${AWS::StackName}-") {
        return secret.replace('*', "");
    }
    kebab(resource.trim_end_matches(".Arn"))
}

/// `PartnerEvents` as `partner-events`.
pub fn kebab(name: &str) -> String {
    let words = name.char_indices().map(|(at, c)| {
        let dash = if at > 0 && c.is_ascii_uppercase() { "-" } else { "" };
        format!("{dash}{}", c.to_ascii_lowercase())
    });
    words.collect()
}

/// The names of a mapping's members.
pub fn names(mapping: &Yaml) -> BTreeSet<String> {
    let members = mapping.as_hash().into_iter().flat_map(|h| h.keys());
    members.filter_map(|key| key.as_str().map(str::to_owned)).collect()
}

/// The attributes of a table or index, each with its role, as `(name, HASH or RANGE)`.
///
/// # Panics
/// If it has no key schema.
pub fn key_schema(table: &Yaml) -> BTreeMap<String, String> {
    let keys = table["KeySchema"].as_vec().expect("a key schema").iter();
    let text = |y: &Yaml| y.as_str().expect("text").to_owned();
    keys.map(|k| (text(&k["AttributeName"]), text(&k["KeyType"]))).collect()
}

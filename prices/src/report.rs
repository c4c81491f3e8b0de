//! Writes the report of prices that the table leaves out, one line each.

use crate::rows::Provider;
use crate::source::Source;

/// Writes the whole file.
pub fn write(source: &Source, providers: &[Provider<'_>]) -> String {
    let mut lines = vec![
        format!(
            "# Prices of genai-prices {} that the table leaves out. Made by `make prices`, not by hand.",
            source.version
        ),
        "# model | what | why".to_owned(),
    ];
    for provider in providers {
        for model in &provider.models {
            let left_out = model.left_out.iter();
            lines.extend(left_out.map(|(what, why)| {
                format!("{}/{} | {what} | {why}", provider.id, model.source.id)
            }));
        }
    }
    for provider in source
        .providers
        .iter()
        .filter(|provider| provider.model_match.is_none())
    {
        lines.push(format!(
            "{}/* | all models, {} | no model's name alone leads to this provider",
            provider.id,
            provider.models.len()
        ));
    }
    lines.push(String::new());
    lines.join("\n")
}

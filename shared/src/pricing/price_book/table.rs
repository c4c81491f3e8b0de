//! The prices of AI models, in pico-dollars per million tokens. Made by `make prices`, not by hand.
//!
//! From the data of genai-prices 0.2.1, Copyright (c) 2025 to present Pydantic Services Inc., MIT licence.
//! The parts of that data that these rows leave out are listed in `prices/left-out.txt`.

use jiff::civil::date;

use super::listing::{Listing, NONE, Price, Provider};
use super::pattern::Class::{Any, Digit, In, NotIn};
use super::pattern::Part::{Either, End, Not, Run, Text};
use super::pattern::Rule::{AllOf, AnyOf, Contains, EndsWith, Equals, Matches, StartsWith};

/// The data the prices come from.
pub const SOURCE: &str = "genai-prices 0.2.1";

/// The start of the SHA-256 of the rows, in hexadecimal. Other rows are another price version.
pub const DIGEST: &str = "df667f73";

#[rustfmt::skip]
pub(super) static PROVIDERS: &[Provider] = &[
    Provider { id: "anthropic", rule: Contains("claude"), fallbacks: &[], listings: &[
        Listing { id: "claude-2", rule: AnyOf(&[StartsWith("claude-2"), Contains("claude-v2")]), prices: &[
            Price { input: Some(8_000_000_000_000), output: Some(24_000_000_000_000), ..NONE },
        ] },
        Listing { id: "claude-3-5-haiku-latest", rule: AnyOf(&[StartsWith("claude-3-5-haiku"), StartsWith("claude-3.5-haiku")]), prices: &[
            Price { input: Some(800_000_000_000), cached_input: Some(80_000_000_000), cache_write: Some(1_000_000_000_000), output: Some(4_000_000_000_000), ..NONE },
        ] },
        Listing { id: "claude-3-5-sonnet", rule: AnyOf(&[StartsWith("claude-3-5-sonnet"), StartsWith("claude-3.5-sonnet")]), prices: &[
            Price { input: Some(3_000_000_000_000), cached_input: Some(300_000_000_000), cache_write: Some(3_750_000_000_000), output: Some(15_000_000_000_000), ..NONE },
        ] },
        Listing { id: "claude-3-7-sonnet-latest", rule: AnyOf(&[StartsWith("claude-3-7-sonnet"), StartsWith("claude-3.7-sonnet"), StartsWith("claude-sonnet-3.7"), StartsWith("claude-sonnet-3-7")]), prices: &[
            Price { input: Some(3_000_000_000_000), cached_input: Some(300_000_000_000), cache_write: Some(3_750_000_000_000), output: Some(15_000_000_000_000), ..NONE },
        ] },
        Listing { id: "claude-3-haiku", rule: StartsWith("claude-3-haiku"), prices: &[
            Price { input: Some(250_000_000_000), cached_input: Some(30_000_000_000), cache_write: Some(300_000_000_000), output: Some(1_250_000_000_000), ..NONE },
        ] },
        Listing { id: "claude-3-opus-latest", rule: StartsWith("claude-3-opus"), prices: &[
            Price { input: Some(15_000_000_000_000), cached_input: Some(1_500_000_000_000), cache_write: Some(18_750_000_000_000), output: Some(75_000_000_000_000), ..NONE },
        ] },
        Listing { id: "claude-3-sonnet", rule: StartsWith("claude-3-sonnet"), prices: &[
            Price { input: Some(3_000_000_000_000), cached_input: Some(300_000_000_000), cache_write: Some(3_750_000_000_000), output: Some(15_000_000_000_000), ..NONE },
        ] },
        Listing { id: "claude-fable-5", rule: AnyOf(&[Equals("claude-fable-5"), Matches(&[Text("claude-fable-5-"), Run(Digit, 8, 8), End])]), prices: &[
            Price { input: Some(10_000_000_000_000), cached_input: Some(1_000_000_000_000), cache_write: Some(12_500_000_000_000), output: Some(50_000_000_000_000), ..NONE },
        ] },
        Listing { id: "claude-fable-5-1", rule: AnyOf(&[Equals("claude-fable-5-1"), Matches(&[Text("claude-fable-5-1-"), Run(Digit, 8, 8), End])]), prices: &[
            Price { input: Some(10_000_000_000_000), cached_input: Some(250_000_000_000), cache_write: Some(12_500_000_000_000), output: Some(50_000_000_000_000), ..NONE },
        ] },
        Listing { id: "claude-haiku-4-5", rule: AnyOf(&[StartsWith("claude-haiku-4-5"), StartsWith("claude-haiku-4.5"), StartsWith("claude-4-5-haiku"), StartsWith("claude-4.5-haiku")]), prices: &[
            Price { input: Some(1_000_000_000_000), cached_input: Some(100_000_000_000), cache_write: Some(1_250_000_000_000), output: Some(5_000_000_000_000), ..NONE },
        ] },
        Listing { id: "claude-haiku-5-5", rule: AnyOf(&[Equals("claude-haiku-5-5"), Matches(&[Text("claude-haiku-5-5-"), Run(Digit, 8, 8), End]), StartsWith("claude-haiku-5-5@"), StartsWith("claude-haiku-5.5"), StartsWith("claude-5-5-haiku"), StartsWith("claude-5.5-haiku")]), prices: &[
            Price { input: Some(100_000_000_000), cached_input: Some(10_000_000_000), cache_write: Some(125_000_000_000), output: Some(500_000_000_000), ..NONE },
            Price { above: Some(100_000), input: Some(500_000_000_000), cached_input: Some(50_000_000_000), cache_write: Some(625_000_000_000), output: Some(2_500_000_000_000), ..NONE },
        ] },
        Listing { id: "claude-opus-4-0", rule: AnyOf(&[StartsWith("claude-opus-4-0"), StartsWith("claude-4-opus"), Equals("claude-opus-4"), Equals("claude-opus-4-20250514")]), prices: &[
            Price { input: Some(15_000_000_000_000), cached_input: Some(1_500_000_000_000), cache_write: Some(18_750_000_000_000), output: Some(75_000_000_000_000), ..NONE },
        ] },
        Listing { id: "claude-opus-4-1", rule: AnyOf(&[StartsWith("claude-opus-4-1"), StartsWith("claude-opus-4.1")]), prices: &[
            Price { input: Some(15_000_000_000_000), cached_input: Some(1_500_000_000_000), cache_write: Some(18_750_000_000_000), output: Some(75_000_000_000_000), ..NONE },
        ] },
        Listing { id: "claude-opus-4-5", rule: AnyOf(&[StartsWith("claude-opus-4-5"), StartsWith("claude-opus-4.5"), StartsWith("claude-4-5-opus"), StartsWith("claude-4.5-opus")]), prices: &[
            Price { input: Some(5_000_000_000_000), cached_input: Some(500_000_000_000), cache_write: Some(6_250_000_000_000), output: Some(25_000_000_000_000), ..NONE },
        ] },
        Listing { id: "claude-opus-4-6", rule: AnyOf(&[StartsWith("claude-opus-4-6"), StartsWith("claude-opus-4.6"), StartsWith("claude-4-6-opus"), StartsWith("claude-4.6-opus")]), prices: &[
            Price { input: Some(5_000_000_000_000), cached_input: Some(500_000_000_000), cache_write: Some(6_250_000_000_000), output: Some(25_000_000_000_000), ..NONE },
            Price { above: Some(200_000), input: Some(10_000_000_000_000), cached_input: Some(1_000_000_000_000), cache_write: Some(12_500_000_000_000), output: Some(37_500_000_000_000), ..NONE },
            Price { from: date(2026, 3, 13), input: Some(5_000_000_000_000), cached_input: Some(500_000_000_000), cache_write: Some(6_250_000_000_000), output: Some(25_000_000_000_000), ..NONE },
        ] },
        Listing { id: "claude-opus-4-7", rule: AnyOf(&[StartsWith("claude-opus-4-7"), StartsWith("claude-opus-4.7"), StartsWith("claude-4-7-opus"), StartsWith("claude-4.7-opus")]), prices: &[
            Price { input: Some(5_000_000_000_000), cached_input: Some(500_000_000_000), cache_write: Some(6_250_000_000_000), output: Some(25_000_000_000_000), ..NONE },
        ] },
        Listing { id: "claude-opus-4-8", rule: AnyOf(&[StartsWith("claude-opus-4-8"), StartsWith("claude-opus-4.8"), StartsWith("claude-4-8-opus"), StartsWith("claude-4.8-opus")]), prices: &[
            Price { input: Some(5_000_000_000_000), cached_input: Some(500_000_000_000), cache_write: Some(6_250_000_000_000), output: Some(25_000_000_000_000), ..NONE },
        ] },
        Listing { id: "claude-opus-5", rule: AnyOf(&[Equals("claude-opus-5"), Equals("claude-opus-5-latest"), Matches(&[Text("claude-opus-5"), Run(In("-@"), 1, 1), Run(Digit, 8, 8), End]), Matches(&[Text("claude-opus-5-"), Run(Digit, 4, 4), Text("-"), Run(Digit, 2, 2), Text("-"), Run(Digit, 2, 2), End]), StartsWith("claude-opus-5.0"), StartsWith("claude-5-opus"), StartsWith("claude-5.0-opus")]), prices: &[
            Price { input: Some(5_000_000_000_000), cached_input: Some(500_000_000_000), cache_write: Some(6_250_000_000_000), output: Some(25_000_000_000_000), ..NONE },
        ] },
        Listing { id: "claude-opus-5-5", rule: AnyOf(&[Equals("claude-opus-5-5"), Matches(&[Text("claude-opus-5-5-"), Run(Digit, 8, 8), End]), StartsWith("claude-opus-5.5"), StartsWith("claude-5-5-opus"), StartsWith("claude-5.5-opus")]), prices: &[
            Price { input: Some(4_000_000_000_000), cached_input: Some(200_000_000_000), cache_write: Some(5_000_000_000_000), output: Some(20_000_000_000_000), ..NONE },
        ] },
        Listing { id: "claude-sonnet-4-0", rule: AnyOf(&[StartsWith("claude-sonnet-4-2025"), StartsWith("claude-sonnet-4-0"), StartsWith("claude-sonnet-4@"), Equals("claude-sonnet-4"), StartsWith("claude-4-sonnet")]), prices: &[
            Price { input: Some(3_000_000_000_000), cached_input: Some(300_000_000_000), cache_write: Some(3_750_000_000_000), output: Some(15_000_000_000_000), ..NONE },
        ] },
        Listing { id: "claude-sonnet-4-5", rule: AnyOf(&[StartsWith("claude-sonnet-4-5"), StartsWith("claude-sonnet-4.5")]), prices: &[
            Price { input: Some(3_000_000_000_000), cached_input: Some(300_000_000_000), cache_write: Some(3_750_000_000_000), output: Some(15_000_000_000_000), ..NONE },
            Price { above: Some(200_000), input: Some(6_000_000_000_000), cached_input: Some(600_000_000_000), cache_write: Some(7_500_000_000_000), output: Some(22_500_000_000_000), ..NONE },
        ] },
        Listing { id: "claude-sonnet-4-6", rule: AnyOf(&[StartsWith("claude-sonnet-4-6"), StartsWith("claude-sonnet-4.6")]), prices: &[
            Price { input: Some(3_000_000_000_000), cached_input: Some(300_000_000_000), cache_write: Some(3_750_000_000_000), output: Some(15_000_000_000_000), ..NONE },
            Price { above: Some(200_000), input: Some(6_000_000_000_000), cached_input: Some(600_000_000_000), cache_write: Some(7_500_000_000_000), output: Some(22_500_000_000_000), ..NONE },
            Price { from: date(2026, 3, 13), input: Some(3_000_000_000_000), cached_input: Some(300_000_000_000), cache_write: Some(3_750_000_000_000), output: Some(15_000_000_000_000), ..NONE },
        ] },
        Listing { id: "claude-sonnet-5", rule: AnyOf(&[Equals("claude-sonnet-5"), Matches(&[Text("claude-sonnet-5-"), Run(Digit, 8, 8), End]), StartsWith("claude-sonnet-5@"), StartsWith("claude-sonnet-5.0"), StartsWith("claude-5-sonnet"), StartsWith("claude-5.0-sonnet")]), prices: &[
            Price { input: Some(2_000_000_000_000), cached_input: Some(200_000_000_000), cache_write: Some(2_500_000_000_000), output: Some(10_000_000_000_000), ..NONE },
        ] },
        Listing { id: "claude-sonnet-5-5", rule: AnyOf(&[Equals("claude-sonnet-5-5"), Matches(&[Text("claude-sonnet-5-5-"), Run(Digit, 8, 8), End]), StartsWith("claude-sonnet-5-5@"), StartsWith("claude-sonnet-5.5"), StartsWith("claude-5-5-sonnet"), StartsWith("claude-5.5-sonnet")]), prices: &[
            Price { input: Some(2_000_000_000_000), cached_input: Some(100_000_000_000), cache_write: Some(2_500_000_000_000), output: Some(10_000_000_000_000), ..NONE },
        ] },
        Listing { id: "claude-v1", rule: Equals("claude-v1"), prices: &[
            Price { input: Some(8_000_000_000_000), output: Some(24_000_000_000_000), ..NONE },
        ] },
    ] },
    Provider { id: "cerebras", rule: Contains("cerebras"), fallbacks: &[], listings: &[
        Listing { id: "cerebras/gemma-4-31b", rule: AnyOf(&[Equals("gemma-4-31b"), StartsWith("cerebras/gemma-4-31b"), StartsWith("cerebras:gemma-4-31b")]), prices: &[
            Price { input: Some(990_000_000_000), output: Some(1_490_000_000_000), ..NONE },
        ] },
        Listing { id: "cerebras/gpt-oss-120b", rule: AnyOf(&[Equals("gpt-oss-120b"), StartsWith("cerebras/gpt-oss-120b"), StartsWith("cerebras:gpt-oss-120b")]), prices: &[
            Price { input: Some(350_000_000_000), output: Some(750_000_000_000), ..NONE },
        ] },
        Listing { id: "cerebras/llama-3.3-70b", rule: AnyOf(&[Equals("llama-3.3-70b"), StartsWith("cerebras/llama-3.3-70b"), StartsWith("cerebras:llama-3.3-70b")]), prices: &[
            Price { input: Some(850_000_000_000), output: Some(1_200_000_000_000), ..NONE },
        ] },
        Listing { id: "cerebras/llama3.1-8b", rule: AnyOf(&[Equals("llama3.1-8b"), StartsWith("cerebras/llama3.1-8b"), StartsWith("cerebras:llama3.1-8b")]), prices: &[
            Price { input: Some(100_000_000_000), output: Some(100_000_000_000), ..NONE },
        ] },
        Listing { id: "cerebras/qwen-3-32b", rule: AnyOf(&[Equals("qwen-3-32b"), StartsWith("cerebras/qwen-3-32b"), StartsWith("cerebras:qwen-3-32b")]), prices: &[
            Price { input: Some(400_000_000_000), output: Some(800_000_000_000), ..NONE },
        ] },
        Listing { id: "cerebras/qwen-3-coder-480b", rule: Equals("qwen-3-coder-480b"), prices: &[
            NONE,
        ] },
        Listing { id: "cerebras/qwen-3.8-27b", rule: AnyOf(&[Equals("qwen-3.8-27b"), StartsWith("cerebras/qwen-3.8-27b"), StartsWith("cerebras:qwen-3.8-27b")]), prices: &[
            Price { input: Some(990_000_000_000), output: Some(1_490_000_000_000), ..NONE },
        ] },
        Listing { id: "cerebras/zai-glm-4.7", rule: AnyOf(&[Equals("zai-glm-4.7"), StartsWith("cerebras/zai-glm-4.7"), StartsWith("cerebras:zai-glm-4.7")]), prices: &[
            Price { input: Some(2_250_000_000_000), output: Some(2_750_000_000_000), ..NONE },
        ] },
    ] },
    Provider { id: "cloudflare", rule: StartsWith("@cf/"), fallbacks: &[], listings: &[
        Listing { id: "@cf/ai4bharat/indictrans2-en-indic-1B", rule: Equals("@cf/ai4bharat/indictrans2-en-indic-1b"), prices: &[
            Price { input: Some(342_000_000_000), output: Some(342_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/aisingapore/gemma-sea-lion-v4-27b-it", rule: Equals("@cf/aisingapore/gemma-sea-lion-v4-27b-it"), prices: &[
            Price { input: Some(351_000_000_000), output: Some(555_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/baai/bge-base-en-v1.5", rule: Equals("@cf/baai/bge-base-en-v1.5"), prices: &[
            Price { input: Some(67_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/baai/bge-large-en-v1.5", rule: Equals("@cf/baai/bge-large-en-v1.5"), prices: &[
            Price { input: Some(204_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/baai/bge-m3", rule: Equals("@cf/baai/bge-m3"), prices: &[
            Price { input: Some(12_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/baai/bge-reranker-base", rule: Equals("@cf/baai/bge-reranker-base"), prices: &[
            Price { input: Some(3_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/baai/bge-small-en-v1.5", rule: Equals("@cf/baai/bge-small-en-v1.5"), prices: &[
            Price { input: Some(20_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/cloudflare/clairic", rule: AnyOf(&[Equals("@cf/cloudflare/clairic"), Equals("clairic")]), prices: &[
            Price { input: Some(100_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/cloudflare/clef", rule: AnyOf(&[Equals("@cf/cloudflare/clef"), Equals("clef")]), prices: &[
            Price { input: Some(240_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/cloudflare/clef-flash", rule: AnyOf(&[Equals("@cf/cloudflare/clef-flash"), Equals("clef-flash")]), prices: &[
            Price { input: Some(90_000_000_000), ..NONE },
            Price { from: date(2026, 10, 19), input: Some(38_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/cloudflare/clef-omni", rule: AnyOf(&[Equals("@cf/cloudflare/clef-omni"), Equals("clef-omni")]), prices: &[
            Price { input: Some(150_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/daily-co/phonellm-mini-alpha-2", rule: Equals("@cf/daily-co/phonellm-mini-alpha-2"), prices: &[
            Price { input: Some(60_000_000_000), output: Some(240_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/deepseek-ai/deepseek-r1-distill-qwen-32b", rule: Equals("@cf/deepseek-ai/deepseek-r1-distill-qwen-32b"), prices: &[
            Price { input: Some(497_000_000_000), output: Some(4_881_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/deepseek-ai/deepseek-v4-flash-0731", rule: Equals("@cf/deepseek-ai/deepseek-v4-flash-0731"), prices: &[
            Price { input: Some(440_000_000_000), cached_input: Some(14_000_000_000), output: Some(1_320_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/deepseek-ai/deepseek-v4-pro-0813", rule: Equals("@cf/deepseek-ai/deepseek-v4-pro-0813"), prices: &[
            Price { input: Some(1_320_000_000_000), cached_input: Some(44_000_000_000), output: Some(3_960_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/deepseek-ai/deepseek-v4.1-flash-1017", rule: Equals("@cf/deepseek-ai/deepseek-v4.1-flash-1017"), prices: &[
            Price { input: Some(300_000_000_000), cached_input: Some(6_000_000_000), output: Some(1_200_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/google/gemma-3-12b-it", rule: Equals("@cf/google/gemma-3-12b-it"), prices: &[
            Price { input: Some(345_000_000_000), output: Some(556_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/google/gemma-4-26b-a4b-it", rule: Equals("@cf/google/gemma-4-26b-a4b-it"), prices: &[
            Price { input: Some(100_000_000_000), output: Some(300_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/huggingface/distilbert-sst-2-int8", rule: Equals("@cf/huggingface/distilbert-sst-2-int8"), prices: &[
            Price { input: Some(26_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/ibm-granite/granite-4.0-h-micro", rule: Equals("@cf/ibm-granite/granite-4.0-h-micro"), prices: &[
            Price { input: Some(17_000_000_000), output: Some(112_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/meta/llama-2-7b-chat-fp16", rule: Equals("@cf/meta/llama-2-7b-chat-fp16"), prices: &[
            Price { input: Some(556_000_000_000), output: Some(6_667_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/meta/llama-3-8b-instruct", rule: Equals("@cf/meta/llama-3-8b-instruct"), prices: &[
            Price { input: Some(282_000_000_000), output: Some(827_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/meta/llama-3-8b-instruct-awq", rule: Equals("@cf/meta/llama-3-8b-instruct-awq"), prices: &[
            Price { input: Some(123_000_000_000), output: Some(266_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/meta/llama-3.1-70b-instruct-fp8-fast", rule: Equals("@cf/meta/llama-3.1-70b-instruct-fp8-fast"), prices: &[
            Price { input: Some(293_000_000_000), output: Some(2_253_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/meta/llama-3.1-8b-instruct", rule: Equals("@cf/meta/llama-3.1-8b-instruct"), prices: &[
            Price { input: Some(282_000_000_000), output: Some(827_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/meta/llama-3.1-8b-instruct-awq", rule: Equals("@cf/meta/llama-3.1-8b-instruct-awq"), prices: &[
            Price { input: Some(123_000_000_000), output: Some(266_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/meta/llama-3.1-8b-instruct-fp8", rule: Equals("@cf/meta/llama-3.1-8b-instruct-fp8"), prices: &[
            Price { input: Some(152_000_000_000), output: Some(287_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/meta/llama-3.1-8b-instruct-fp8-fast", rule: AnyOf(&[Equals("@cf/meta/llama-3.1-8b-instruct-fp8-fast"), Equals("@cf/meta/llama-3.1-8b-instruct-fast")]), prices: &[
            Price { input: Some(45_000_000_000), output: Some(384_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/meta/llama-3.2-11b-vision-instruct", rule: Equals("@cf/meta/llama-3.2-11b-vision-instruct"), prices: &[
            Price { input: Some(49_000_000_000), output: Some(676_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/meta/llama-3.2-1b-instruct", rule: Equals("@cf/meta/llama-3.2-1b-instruct"), prices: &[
            Price { input: Some(27_000_000_000), output: Some(201_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/meta/llama-3.2-3b-instruct", rule: Equals("@cf/meta/llama-3.2-3b-instruct"), prices: &[
            Price { input: Some(51_000_000_000), output: Some(335_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/meta/llama-3.3-70b-instruct-fp8-fast", rule: Equals("@cf/meta/llama-3.3-70b-instruct-fp8-fast"), prices: &[
            Price { input: Some(293_000_000_000), output: Some(2_253_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/meta/llama-4-scout-17b-16e-instruct", rule: Equals("@cf/meta/llama-4-scout-17b-16e-instruct"), prices: &[
            Price { input: Some(270_000_000_000), output: Some(850_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/meta/llama-guard-3-8b", rule: Equals("@cf/meta/llama-guard-3-8b"), prices: &[
            Price { input: Some(484_000_000_000), output: Some(30_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/meta/m2m100-1.2b", rule: Equals("@cf/meta/m2m100-1.2b"), prices: &[
            Price { input: Some(342_000_000_000), output: Some(342_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/mistral/mistral-7b-instruct-v0.1", rule: Equals("@cf/mistral/mistral-7b-instruct-v0.1"), prices: &[
            Price { input: Some(110_000_000_000), output: Some(190_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/mistralai/mistral-small-3.1-24b-instruct", rule: Equals("@cf/mistralai/mistral-small-3.1-24b-instruct"), prices: &[
            Price { input: Some(351_000_000_000), output: Some(555_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/moondream/moondream3.1-9B-A2B", rule: Equals("@cf/moondream/moondream3.1-9b-a2b"), prices: &[
            Price { input: Some(300_000_000_000), output: Some(1_000_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/moonshotai/kimi-k2.5", rule: Equals("@cf/moonshotai/kimi-k2.5"), prices: &[
            Price { input: Some(600_000_000_000), cached_input: Some(100_000_000_000), output: Some(3_000_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/moonshotai/kimi-k2.6", rule: Equals("@cf/moonshotai/kimi-k2.6"), prices: &[
            Price { input: Some(950_000_000_000), cached_input: Some(160_000_000_000), output: Some(4_000_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/moonshotai/kimi-k2.7-code", rule: Equals("@cf/moonshotai/kimi-k2.7-code"), prices: &[
            Price { input: Some(950_000_000_000), cached_input: Some(190_000_000_000), output: Some(4_000_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/nvidia/nemotron-3-120b-a12b", rule: Equals("@cf/nvidia/nemotron-3-120b-a12b"), prices: &[
            Price { input: Some(500_000_000_000), output: Some(1_500_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/openai/gpt-oss-120b", rule: Equals("@cf/openai/gpt-oss-120b"), prices: &[
            Price { input: Some(350_000_000_000), output: Some(750_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/openai/gpt-oss-20b", rule: Equals("@cf/openai/gpt-oss-20b"), prices: &[
            Price { input: Some(200_000_000_000), output: Some(300_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/pfnet/plamo-embedding-1b", rule: Equals("@cf/pfnet/plamo-embedding-1b"), prices: &[
            Price { input: Some(19_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/qwen/qwen2.5-coder-32b-instruct", rule: Equals("@cf/qwen/qwen2.5-coder-32b-instruct"), prices: &[
            Price { input: Some(660_000_000_000), output: Some(1_000_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/qwen/qwen3-30b-a3b-fp8", rule: Equals("@cf/qwen/qwen3-30b-a3b-fp8"), prices: &[
            Price { input: Some(51_000_000_000), output: Some(335_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/qwen/qwen3-embedding-0.6b", rule: Equals("@cf/qwen/qwen3-embedding-0.6b"), prices: &[
            Price { input: Some(12_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/qwen/qwen3.8-27b", rule: Equals("@cf/qwen/qwen3.8-27b"), prices: &[
            Price { input: Some(450_000_000_000), output: Some(3_200_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/qwen/qwq-32b", rule: Equals("@cf/qwen/qwq-32b"), prices: &[
            Price { input: Some(660_000_000_000), output: Some(1_000_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/zai-org/glm-4.7-flash", rule: Equals("@cf/zai-org/glm-4.7-flash"), prices: &[
            Price { input: Some(60_000_000_000), output: Some(400_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/zai-org/glm-5.2", rule: Equals("@cf/zai-org/glm-5.2"), prices: &[
            Price { input: Some(1_400_000_000_000), cached_input: Some(260_000_000_000), output: Some(4_400_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/zai-org/glm-5.3", rule: Equals("@cf/zai-org/glm-5.3"), prices: &[
            Price { input: Some(1_400_000_000_000), cached_input: Some(260_000_000_000), output: Some(4_400_000_000_000), ..NONE },
        ] },
        Listing { id: "@cf/zai-org/glm-5.3-flash", rule: Equals("@cf/zai-org/glm-5.3-flash"), prices: &[
            Price { input: Some(150_000_000_000), cached_input: Some(30_000_000_000), output: Some(500_000_000_000), ..NONE },
        ] },
    ] },
    Provider { id: "cohere", rule: StartsWith("command-"), fallbacks: &[], listings: &[
        Listing { id: "cohere/c4ai-aya-expanse-32b", rule: Contains("aya-expanse-32b"), prices: &[
            Price { input: Some(500_000_000_000), output: Some(1_500_000_000_000), ..NONE },
        ] },
        Listing { id: "cohere/c4ai-aya-expanse-8b", rule: Contains("aya-expanse-8b"), prices: &[
            Price { input: Some(500_000_000_000), output: Some(1_500_000_000_000), ..NONE },
        ] },
        Listing { id: "cohere/command", rule: Equals("command"), prices: &[
            Price { input: Some(1_000_000_000_000), output: Some(2_000_000_000_000), ..NONE },
        ] },
        Listing { id: "command-a", rule: AnyOf(&[Equals("command-a"), Equals("command-a-03-2025")]), prices: &[
            Price { input: Some(2_500_000_000_000), output: Some(10_000_000_000_000), ..NONE },
        ] },
        Listing { id: "command-light", rule: StartsWith("command-light"), prices: &[
            Price { input: Some(300_000_000_000), output: Some(600_000_000_000), ..NONE },
        ] },
        Listing { id: "command-r", rule: AnyOf(&[Equals("command-r"), Equals("command-r-08-2024")]), prices: &[
            Price { input: Some(150_000_000_000), output: Some(600_000_000_000), ..NONE },
        ] },
        Listing { id: "command-r-plus", rule: AnyOf(&[Equals("command-r-plus"), Equals("command-r-plus-08-2024")]), prices: &[
            Price { input: Some(2_500_000_000_000), output: Some(10_000_000_000_000), ..NONE },
        ] },
        Listing { id: "command-r7b", rule: AnyOf(&[Equals("command-r7b"), Equals("command-r7b-12-2024")]), prices: &[
            Price { input: Some(37_500_000_000), output: Some(150_000_000_000), ..NONE },
        ] },
        Listing { id: "cohere/embed-v4.0", rule: Equals("embed-v4.0"), prices: &[
            Price { input: Some(120_000_000_000), ..NONE },
        ] },
    ] },
    Provider { id: "cursor", rule: StartsWith("composer-"), fallbacks: &[], listings: &[
        Listing { id: "composer-2.5", rule: AnyOf(&[Equals("composer-2.5"), Matches(&[Text("composer-2.5[fast=false]"), End])]), prices: &[
            Price { input: Some(500_000_000_000), cached_input: Some(200_000_000_000), output: Some(2_500_000_000_000), ..NONE },
        ] },
        Listing { id: "composer-2.5-fast", rule: AnyOf(&[Equals("composer-2.5-fast"), Matches(&[Text("composer-2.5[fast=true]"), End])]), prices: &[
            Price { input: Some(3_000_000_000_000), cached_input: Some(500_000_000_000), output: Some(15_000_000_000_000), ..NONE },
        ] },
        Listing { id: "cursor/grok-4.5", rule: AnyOf(&[Equals("grok-4.5"), Matches(&[Text("grok-4.5[fast=false]"), End])]), prices: &[
            Price { input: Some(2_000_000_000_000), cached_input: Some(500_000_000_000), output: Some(6_000_000_000_000), ..NONE },
        ] },
        Listing { id: "cursor/grok-4.5-fast", rule: AnyOf(&[Equals("grok-4.5-fast"), Matches(&[Text("grok-4.5[fast=true]"), End])]), prices: &[
            Price { input: Some(4_000_000_000_000), cached_input: Some(1_000_000_000_000), output: Some(18_000_000_000_000), ..NONE },
        ] },
        Listing { id: "cursor/grok-4.6", rule: AnyOf(&[Equals("grok-4.6"), Matches(&[Text("grok-4.6[fast=false]"), End])]), prices: &[
            Price { input: Some(2_000_000_000_000), cached_input: Some(500_000_000_000), output: Some(6_000_000_000_000), ..NONE },
        ] },
        Listing { id: "cursor/grok-4.6-fast", rule: AnyOf(&[Equals("grok-4.6-fast"), Matches(&[Text("grok-4.6[fast=true]"), End])]), prices: &[
            Price { input: Some(4_000_000_000_000), cached_input: Some(1_000_000_000_000), output: Some(12_000_000_000_000), ..NONE },
        ] },
        Listing { id: "cursor/grok-4.7", rule: AnyOf(&[Equals("grok-4.7"), Matches(&[Text("grok-4.7[fast=false]"), End])]), prices: &[
            Price { input: Some(2_000_000_000_000), cached_input: Some(500_000_000_000), output: Some(6_000_000_000_000), ..NONE },
            Price { above: Some(256_000), input: Some(4_000_000_000_000), cached_input: Some(1_000_000_000_000), output: Some(12_000_000_000_000), ..NONE },
        ] },
        Listing { id: "cursor/grok-4.7-fast", rule: AnyOf(&[Equals("grok-4.7-fast"), Matches(&[Text("grok-4.7[fast=true]"), End])]), prices: &[
            Price { input: Some(4_000_000_000_000), cached_input: Some(1_000_000_000_000), output: Some(12_000_000_000_000), ..NONE },
            Price { above: Some(256_000), input: Some(6_000_000_000_000), cached_input: Some(1_500_000_000_000), output: Some(18_000_000_000_000), ..NONE },
        ] },
    ] },
    Provider { id: "databricks", rule: AnyOf(&[StartsWith("databricks-"), StartsWith("system.ai.")]), fallbacks: &[], listings: &[
        Listing { id: "databricks-bge-large-en", rule: AnyOf(&[Equals("databricks-bge-large-en"), Equals("system.ai.bge-large-en")]), prices: &[
            Price { input: Some(100_000_000_000), ..NONE },
        ] },
        Listing { id: "databricks-deepseek-v4-1-flash", rule: AnyOf(&[Equals("databricks-deepseek-v4-1-flash"), Equals("system.ai.deepseek-v4-1-flash")]), prices: &[
            Price { input: Some(300_000_000_000), cached_input: Some(30_000_000_000), output: Some(1_200_000_000_000), ..NONE },
        ] },
        Listing { id: "databricks-deepseek-v4-flash-0731", rule: AnyOf(&[Equals("databricks-deepseek-v4-flash-0731"), Equals("system.ai.deepseek-v4-flash-0731")]), prices: &[
            Price { input: Some(140_000_000_000), cached_input: Some(28_000_000_000), output: Some(280_000_000_000), ..NONE },
        ] },
        Listing { id: "databricks-deepseek-v4-pro-0813", rule: AnyOf(&[Equals("databricks-deepseek-v4-pro-0813"), Equals("system.ai.deepseek-v4-pro-0813")]), prices: &[
            Price { input: Some(1_320_000_000_000), cached_input: Some(132_000_000_000), output: Some(3_960_000_000_000), ..NONE },
        ] },
        Listing { id: "databricks-gemma-3-12b", rule: AnyOf(&[Equals("databricks-gemma-3-12b"), Equals("system.ai.gemma-3-12b")]), prices: &[
            Price { input: Some(150_000_000_000), output: Some(500_000_000_000), ..NONE },
        ] },
        Listing { id: "databricks-glm-5-2", rule: AnyOf(&[Equals("databricks-glm-5-2"), Equals("system.ai.glm-5-2")]), prices: &[
            Price { input: Some(1_400_000_000_000), cached_input: Some(260_000_000_000), output: Some(4_400_000_000_000), ..NONE },
        ] },
        Listing { id: "databricks-glm-5-3", rule: AnyOf(&[Equals("databricks-glm-5-3"), Equals("system.ai.glm-5-3")]), prices: &[
            Price { input: Some(1_400_000_000_000), cached_input: Some(260_000_000_000), output: Some(4_400_000_000_000), ..NONE },
        ] },
        Listing { id: "databricks-glm-5-3-flash", rule: AnyOf(&[Equals("databricks-glm-5-3-flash"), Equals("system.ai.glm-5-3-flash")]), prices: &[
            Price { input: Some(150_000_000_000), cached_input: Some(30_000_000_000), output: Some(500_000_000_000), ..NONE },
        ] },
        Listing { id: "databricks-gpt-oss-120b", rule: AnyOf(&[Equals("databricks-gpt-oss-120b"), Equals("system.ai.gpt-oss-120b")]), prices: &[
            Price { input: Some(150_000_000_000), output: Some(600_000_000_000), ..NONE },
        ] },
        Listing { id: "databricks-gpt-oss-20b", rule: AnyOf(&[Equals("databricks-gpt-oss-20b"), Equals("system.ai.gpt-oss-20b")]), prices: &[
            Price { input: Some(70_000_000_000), output: Some(300_000_000_000), ..NONE },
        ] },
        Listing { id: "databricks-gte-large-en", rule: AnyOf(&[Equals("databricks-gte-large-en"), Equals("system.ai.gte-large-en")]), prices: &[
            Price { input: Some(130_000_000_000), ..NONE },
        ] },
        Listing { id: "databricks-inkling", rule: AnyOf(&[Equals("databricks-inkling"), Equals("system.ai.inkling")]), prices: &[
            Price { input: Some(1_000_000_000_000), cached_input: Some(170_000_000_000), output: Some(4_050_000_000_000), ..NONE },
        ] },
        Listing { id: "databricks-kimi-k2-7-code", rule: AnyOf(&[Equals("databricks-kimi-k2-7-code"), Equals("system.ai.kimi-k2-7-code")]), prices: &[
            Price { input: Some(950_000_000_000), cached_input: Some(190_000_000_000), output: Some(4_000_000_000_000), ..NONE },
        ] },
        Listing { id: "databricks-kimi-k3", rule: AnyOf(&[Equals("databricks-kimi-k3"), Equals("system.ai.kimi-k3")]), prices: &[
            Price { input: Some(3_000_000_000_000), cached_input: Some(300_000_000_000), output: Some(15_000_000_000_000), ..NONE },
        ] },
        Listing { id: "databricks-llama-4-maverick", rule: AnyOf(&[Equals("databricks-llama-4-maverick"), Equals("system.ai.llama-4-maverick")]), prices: &[
            Price { input: Some(500_000_000_000), output: Some(1_500_000_000_000), ..NONE },
        ] },
        Listing { id: "databricks-meta-llama-3-1-8b-instruct", rule: AnyOf(&[Equals("databricks-meta-llama-3-1-8b-instruct"), Equals("system.ai.meta-llama-3-1-8b-instruct")]), prices: &[
            Price { input: Some(150_000_000_000), output: Some(450_000_000_000), ..NONE },
        ] },
        Listing { id: "databricks-meta-llama-3-3-70b-instruct", rule: AnyOf(&[Equals("databricks-meta-llama-3-3-70b-instruct"), Equals("system.ai.meta-llama-3-3-70b-instruct")]), prices: &[
            Price { input: Some(500_000_000_000), output: Some(1_500_000_000_000), ..NONE },
        ] },
        Listing { id: "databricks-qwen3-embedding-0-6b", rule: AnyOf(&[Equals("databricks-qwen3-embedding-0-6b"), Equals("system.ai.qwen3-embedding-0-6b")]), prices: &[
            Price { input: Some(20_000_000_000), ..NONE },
        ] },
        Listing { id: "databricks-qwen3-next-80b-a3b-instruct", rule: AnyOf(&[Equals("databricks-qwen3-next-80b-a3b-instruct"), Equals("system.ai.qwen3-next-80b-a3b-instruct")]), prices: &[
            Price { input: Some(150_000_000_000), output: Some(1_200_000_000_000), ..NONE },
        ] },
        Listing { id: "databricks-qwen35-122b-a10b", rule: AnyOf(&[Equals("databricks-qwen35-122b-a10b"), Equals("system.ai.qwen35-122b-a10b")]), prices: &[
            Price { input: Some(220_000_000_000), output: Some(2_200_000_000_000), ..NONE },
        ] },
    ] },
    Provider { id: "deepseek", rule: StartsWith("deepseek"), fallbacks: &[], listings: &[
        Listing { id: "deepseek-chat", rule: AnyOf(&[StartsWith("deepseek-chat"), Equals("deepseek-chat-v3-0324")]), prices: &[
            Price { input: Some(135_000_000_000), cached_input: Some(35_000_000_000), output: Some(550_000_000_000), ..NONE },
            Price { during: 1_800..59_400, input: Some(270_000_000_000), cached_input: Some(70_000_000_000), output: Some(1_100_000_000_000), ..NONE },
        ] },
        Listing { id: "deepseek-flash", rule: Equals("deepseek-flash"), prices: &[
            Price { input: Some(150_000_000_000), cached_input: Some(3_000_000_000), output: Some(600_000_000_000), ..NONE },
            Price { during: 3_600..14_400, input: Some(300_000_000_000), cached_input: Some(6_000_000_000), output: Some(1_200_000_000_000), ..NONE },
            Price { during: 21_600..36_000, input: Some(300_000_000_000), cached_input: Some(6_000_000_000), output: Some(1_200_000_000_000), ..NONE },
        ] },
        Listing { id: "deepseek-reasoner", rule: AnyOf(&[Equals("deepseek-reasoner"), StartsWith("deepseek-r1"), Equals("deepseek-r1-0528")]), prices: &[
            Price { input: Some(135_000_000_000), cached_input: Some(35_000_000_000), output: Some(550_000_000_000), ..NONE },
            Price { during: 1_800..59_400, input: Some(550_000_000_000), cached_input: Some(140_000_000_000), output: Some(2_190_000_000_000), ..NONE },
        ] },
        Listing { id: "deepseek-v3.1-terminus", rule: Equals("deepseek-v3.1-terminus"), prices: &[
            Price { input: Some(270_000_000_000), cached_input: Some(130_000_000_000), output: Some(950_000_000_000), ..NONE },
        ] },
        Listing { id: "deepseek-v3.2", rule: Equals("deepseek-v3.2"), prices: &[
            Price { input: Some(228_800_000_000), output: Some(343_200_000_000), ..NONE },
        ] },
        Listing { id: "deepseek-v3.2-exp", rule: Equals("deepseek-v3.2-exp"), prices: &[
            Price { input: Some(270_000_000_000), output: Some(410_000_000_000), ..NONE },
        ] },
        Listing { id: "deepseek-v4-flash", rule: AnyOf(&[StartsWith("deepseek-v4-flash")]), prices: &[
            Price { input: Some(140_000_000_000), cached_input: Some(2_800_000_000), output: Some(280_000_000_000), ..NONE },
            Price { from: date(2026, 8, 17), input: Some(220_000_000_000), cached_input: Some(7_000_000_000), output: Some(660_000_000_000), ..NONE },
            Price { from: date(2026, 9, 10), input: Some(150_000_000_000), cached_input: Some(3_000_000_000), output: Some(600_000_000_000), ..NONE },
            Price { during: 3_600..14_400, input: Some(300_000_000_000), cached_input: Some(6_000_000_000), output: Some(1_200_000_000_000), ..NONE },
            Price { during: 21_600..36_000, input: Some(300_000_000_000), cached_input: Some(6_000_000_000), output: Some(1_200_000_000_000), ..NONE },
        ] },
        Listing { id: "deepseek-v4-pro", rule: AnyOf(&[StartsWith("deepseek-v4-pro")]), prices: &[
            Price { input: Some(435_000_000_000), cached_input: Some(3_625_000_000), output: Some(870_000_000_000), ..NONE },
            Price { from: date(2026, 8, 17), input: Some(660_000_000_000), cached_input: Some(22_000_000_000), output: Some(1_980_000_000_000), ..NONE },
            Price { during: 3_600..14_400, input: Some(1_320_000_000_000), cached_input: Some(44_000_000_000), output: Some(3_960_000_000_000), ..NONE },
            Price { during: 21_600..36_000, input: Some(1_320_000_000_000), cached_input: Some(44_000_000_000), output: Some(3_960_000_000_000), ..NONE },
        ] },
    ] },
    Provider { id: "elevenlabs", rule: StartsWith("eleven_"), fallbacks: &[], listings: &[
        Listing { id: "eleven_realtime_v1_max", rule: Equals("eleven_realtime_v1_max"), prices: &[
            Price { input: Some(1_800_000_000_000), cached_input: Some(180_000_000_000), output: Some(9_000_000_000_000), ..NONE },
        ] },
        Listing { id: "eleven_realtime_v1_mini", rule: Equals("eleven_realtime_v1_mini"), prices: &[
            Price { input: Some(200_000_000_000), output: Some(6_000_000_000_000), ..NONE },
        ] },
    ] },
    Provider { id: "fireworks", rule: StartsWith("accounts/fireworks/"), fallbacks: &[], listings: &[
        Listing { id: "fireworks/deepseek-r1-0528", rule: Equals("accounts/fireworks/models/deepseek-r1-0528"), prices: &[
            Price { input: Some(3_000_000_000_000), output: Some(8_000_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/deepseek-v3-0324", rule: Equals("accounts/fireworks/models/deepseek-v3-0324"), prices: &[
            Price { input: Some(900_000_000_000), output: Some(900_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/deepseek-v3p2", rule: Equals("accounts/fireworks/models/deepseek-v3p2"), prices: &[
            Price { input: Some(560_000_000_000), cached_input: Some(280_000_000_000), output: Some(1_680_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/deepseek-v4-flash", rule: AnyOf(&[Equals("accounts/fireworks/models/deepseek-v4-flash"), Equals("accounts/fireworks/models/deepseek-v4-flash-0731")]), prices: &[
            Price { input: Some(140_000_000_000), cached_input: Some(28_000_000_000), output: Some(280_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/deepseek-v4-pro", rule: Equals("accounts/fireworks/models/deepseek-v4-pro"), prices: &[
            Price { input: Some(1_740_000_000_000), cached_input: Some(145_000_000_000), output: Some(3_480_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/deepseek-v4p1-flash", rule: Equals("accounts/fireworks/models/deepseek-v4p1-flash"), prices: &[
            Price { input: Some(300_000_000_000), cached_input: Some(6_000_000_000), output: Some(1_200_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/deepseek-v4p1-flash-1017", rule: Equals("accounts/fireworks/models/deepseek-v4p1-flash-1017"), prices: &[
            Price { input: Some(300_000_000_000), cached_input: Some(6_000_000_000), output: Some(1_200_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/deepseek-v4p1-flash-1017-us", rule: Equals("accounts/fireworks/routers/deepseek-v4p1-flash-1017-us"), prices: &[
            Price { input: Some(450_000_000_000), cached_input: Some(9_000_000_000), output: Some(1_800_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/deepseek-v4p1-flash-us", rule: Equals("accounts/fireworks/routers/deepseek-v4p1-flash-us"), prices: &[
            Price { input: Some(450_000_000_000), cached_input: Some(9_000_000_000), output: Some(1_800_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/ember-1", rule: Equals("accounts/fireworks/models/ember-1"), prices: &[
            Price { input: Some(3_000_000_000_000), cached_input: Some(300_000_000_000), output: Some(15_000_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/gemma-3-27b-it", rule: Equals("accounts/fireworks/models/gemma-3-27b-it"), prices: &[
            Price { input: Some(100_000_000_000), output: Some(100_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/glm-4p7", rule: Equals("accounts/fireworks/models/glm-4p7"), prices: &[
            Price { input: Some(600_000_000_000), output: Some(2_200_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/glm-5p1", rule: Equals("accounts/fireworks/models/glm-5p1"), prices: &[
            Price { input: Some(1_400_000_000_000), cached_input: Some(260_000_000_000), output: Some(4_400_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/glm-5p1-fast", rule: Equals("accounts/fireworks/routers/glm-5p1-fast"), prices: &[
            Price { input: Some(2_800_000_000_000), cached_input: Some(520_000_000_000), output: Some(8_800_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/glm-5p2", rule: Equals("accounts/fireworks/models/glm-5p2"), prices: &[
            Price { input: Some(1_400_000_000_000), cached_input: Some(140_000_000_000), output: Some(4_400_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/glm-5p2-fast", rule: AnyOf(&[Equals("accounts/fireworks/routers/glm-5p2-fast"), Equals("accounts/fireworks/routers/glm-5p2-fast-us")]), prices: &[
            Price { input: Some(2_100_000_000_000), cached_input: Some(210_000_000_000), output: Some(6_600_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/glm-5p3", rule: Equals("accounts/fireworks/models/glm-5p3"), prices: &[
            Price { input: Some(1_400_000_000_000), cached_input: Some(260_000_000_000), output: Some(4_400_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/glm-5p3-fast", rule: Equals("accounts/fireworks/routers/glm-5p3-fast"), prices: &[
            Price { input: Some(2_100_000_000_000), cached_input: Some(390_000_000_000), output: Some(6_600_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/glm-5p3-flash", rule: Equals("accounts/fireworks/models/glm-5p3-flash"), prices: &[
            Price { input: Some(150_000_000_000), cached_input: Some(30_000_000_000), output: Some(500_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/glm-5p3-flash-us", rule: Equals("accounts/fireworks/routers/glm-5p3-flash-us"), prices: &[
            Price { input: Some(225_000_000_000), cached_input: Some(45_000_000_000), output: Some(750_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/glm-5p3-us", rule: Equals("accounts/fireworks/routers/glm-5p3-us"), prices: &[
            Price { input: Some(2_100_000_000_000), cached_input: Some(390_000_000_000), output: Some(6_600_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/gpt-oss-120b", rule: Equals("accounts/fireworks/models/gpt-oss-120b"), prices: &[
            Price { input: Some(150_000_000_000), cached_input: Some(14_000_000_000), output: Some(600_000_000_000), ..NONE },
            Price { from: date(2026, 10, 19), input: Some(150_000_000_000), cached_input: Some(15_000_000_000), output: Some(600_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/gpt-oss-20b", rule: Equals("accounts/fireworks/models/gpt-oss-20b"), prices: &[
            Price { input: Some(70_000_000_000), cached_input: Some(35_000_000_000), output: Some(300_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/inkling", rule: Equals("accounts/fireworks/models/inkling"), prices: &[
            Price { input: Some(1_000_000_000_000), cached_input: Some(170_000_000_000), output: Some(4_050_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/kimi-k2p5", rule: Equals("accounts/fireworks/models/kimi-k2p5"), prices: &[
            Price { input: Some(600_000_000_000), cached_input: Some(100_000_000_000), output: Some(3_000_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/kimi-k2p6", rule: Equals("accounts/fireworks/models/kimi-k2p6"), prices: &[
            Price { input: Some(950_000_000_000), cached_input: Some(160_000_000_000), output: Some(4_000_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/kimi-k2p6-fast", rule: Equals("accounts/fireworks/routers/kimi-k2p6-fast"), prices: &[
            Price { input: Some(2_000_000_000_000), cached_input: Some(300_000_000_000), output: Some(8_000_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/kimi-k2p7-code", rule: Equals("accounts/fireworks/models/kimi-k2p7-code"), prices: &[
            Price { input: Some(950_000_000_000), cached_input: Some(190_000_000_000), output: Some(4_000_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/kimi-k2p7-code-fast", rule: Equals("accounts/fireworks/routers/kimi-k2p7-code-fast"), prices: &[
            Price { input: Some(1_900_000_000_000), cached_input: Some(380_000_000_000), output: Some(8_000_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/kimi-k3", rule: Equals("accounts/fireworks/models/kimi-k3"), prices: &[
            Price { input: Some(3_000_000_000_000), cached_input: Some(300_000_000_000), output: Some(15_000_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/kimi-k3-fast", rule: Equals("accounts/fireworks/routers/kimi-k3-fast"), prices: &[
            Price { input: Some(4_500_000_000_000), cached_input: Some(450_000_000_000), output: Some(22_500_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/kimi-k3-us", rule: Equals("accounts/fireworks/routers/kimi-k3-us"), prices: &[
            Price { input: Some(3_300_000_000_000), cached_input: Some(330_000_000_000), output: Some(16_500_000_000_000), ..NONE },
            Price { from: date(2026, 9, 1), input: Some(4_500_000_000_000), cached_input: Some(450_000_000_000), output: Some(22_500_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/llama-v3p1-8b-instruct", rule: Equals("accounts/fireworks/models/llama-v3p1-8b-instruct"), prices: &[
            Price { input: Some(200_000_000_000), output: Some(200_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/llama4-maverick-instruct-basic", rule: Equals("accounts/fireworks/models/llama4-maverick-instruct-basic"), prices: &[
            Price { input: Some(220_000_000_000), output: Some(880_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/minimax-m2p1", rule: Equals("accounts/fireworks/models/minimax-m2p1"), prices: &[
            Price { input: Some(300_000_000_000), output: Some(1_200_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/minimax-m2p7", rule: Equals("accounts/fireworks/models/minimax-m2p7"), prices: &[
            Price { input: Some(300_000_000_000), cached_input: Some(60_000_000_000), output: Some(1_200_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/minimax-m3", rule: Equals("accounts/fireworks/models/minimax-m3"), prices: &[
            Price { input: Some(300_000_000_000), cached_input: Some(60_000_000_000), output: Some(1_200_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/muse-spark-open", rule: Equals("accounts/fireworks/models/muse-spark-open"), prices: &[
            Price { input: Some(1_250_000_000_000), cached_input: Some(150_000_000_000), output: Some(4_250_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/nemotron-3-ultra-nvfp4", rule: Equals("accounts/fireworks/models/nemotron-3-ultra-nvfp4"), prices: &[
            Price { input: Some(600_000_000_000), cached_input: Some(120_000_000_000), output: Some(2_400_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/nemotron-lightning-3p5-30b-a3b", rule: Equals("accounts/fireworks/models/nemotron-lightning-3p5-30b-a3b"), prices: &[
            Price { input: Some(50_000_000_000), cached_input: Some(10_000_000_000), output: Some(200_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/qwen2p5-vl-72b-instruct", rule: Equals("accounts/fireworks/models/qwen2p5-vl-72b-instruct"), prices: &[
            Price { input: Some(900_000_000_000), output: Some(900_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/qwen3-235b-a22b", rule: Equals("accounts/fireworks/models/qwen3-235b-a22b"), prices: &[
            Price { input: Some(220_000_000_000), output: Some(880_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/qwen3p6-plus", rule: Equals("accounts/fireworks/models/qwen3p6-plus"), prices: &[
            Price { input: Some(500_000_000_000), cached_input: Some(100_000_000_000), output: Some(3_000_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/qwen3p7-plus", rule: Equals("accounts/fireworks/models/qwen3p7-plus"), prices: &[
            Price { input: Some(400_000_000_000), cached_input: Some(80_000_000_000), output: Some(1_600_000_000_000), ..NONE },
        ] },
        Listing { id: "fireworks/qwen3p8-max", rule: Equals("accounts/fireworks/models/qwen3p8-max"), prices: &[
            Price { input: Some(2_000_000_000_000), cached_input: Some(250_000_000_000), output: Some(6_000_000_000_000), ..NONE },
        ] },
    ] },
    Provider { id: "google", rule: Contains("gemini"), fallbacks: &["anthropic"], listings: &[
        Listing { id: "google/claude-3-5-haiku", rule: Contains("claude-3-5-haiku"), prices: &[
            Price { input: Some(800_000_000_000), cached_input: Some(80_000_000_000), cache_write: Some(1_000_000_000_000), output: Some(4_000_000_000_000), ..NONE },
        ] },
        Listing { id: "google/claude-3-5-sonnet", rule: Contains("claude-3-5-sonnet"), prices: &[
            Price { input: Some(3_000_000_000_000), cached_input: Some(300_000_000_000), cache_write: Some(3_750_000_000_000), output: Some(15_000_000_000_000), ..NONE },
        ] },
        Listing { id: "google/claude-3-7-sonnet", rule: Contains("claude-3-7-sonnet"), prices: &[
            Price { input: Some(3_000_000_000_000), cached_input: Some(300_000_000_000), cache_write: Some(3_750_000_000_000), output: Some(15_000_000_000_000), ..NONE },
        ] },
        Listing { id: "google/claude-3-haiku", rule: Contains("claude-3-haiku"), prices: &[
            Price { input: Some(250_000_000_000), cached_input: Some(30_000_000_000), cache_write: Some(300_000_000_000), output: Some(1_250_000_000_000), ..NONE },
        ] },
        Listing { id: "google/claude-3-opus", rule: Contains("claude-3-opus"), prices: &[
            Price { input: Some(15_000_000_000_000), cached_input: Some(1_500_000_000_000), cache_write: Some(18_750_000_000_000), output: Some(75_000_000_000_000), ..NONE },
        ] },
        Listing { id: "google/claude-4-opus", rule: AnyOf(&[Contains("claude-4-opus"), Contains("claude-opus-4@"), Contains("claude-opus-4-0"), Contains("claude-opus-4-1"), Equals("claude-opus-4")]), prices: &[
            Price { input: Some(15_000_000_000_000), cached_input: Some(1_500_000_000_000), cache_write: Some(18_750_000_000_000), output: Some(75_000_000_000_000), ..NONE },
        ] },
        Listing { id: "google/claude-4-sonnet", rule: AnyOf(&[Contains("claude-4-sonnet"), Contains("claude-sonnet-4-0"), Contains("claude-sonnet-4@"), Contains("claude-sonnet-4-2025"), Equals("claude-sonnet-4"), Equals("anthropic/claude-sonnet-4")]), prices: &[
            Price { input: Some(3_000_000_000_000), cached_input: Some(300_000_000_000), cache_write: Some(3_750_000_000_000), output: Some(15_000_000_000_000), ..NONE },
        ] },
        Listing { id: "google/claude-fable-5", rule: AnyOf(&[EndsWith("claude-fable-5"), Contains("claude-fable-5@")]), prices: &[
            Price { input: Some(10_000_000_000_000), cached_input: Some(1_000_000_000_000), cache_write: Some(12_500_000_000_000), output: Some(50_000_000_000_000), ..NONE },
        ] },
        Listing { id: "google/claude-fable-5-1", rule: AnyOf(&[EndsWith("claude-fable-5-1"), Contains("claude-fable-5-1@")]), prices: &[
            Price { input: Some(10_000_000_000_000), cached_input: Some(250_000_000_000), cache_write: Some(12_500_000_000_000), output: Some(50_000_000_000_000), ..NONE },
        ] },
        Listing { id: "google/claude-haiku-4-5", rule: AnyOf(&[Contains("claude-haiku-4-5"), Contains("claude-haiku-4.5")]), prices: &[
            Price { input: Some(1_000_000_000_000), cached_input: Some(100_000_000_000), cache_write: Some(1_250_000_000_000), output: Some(5_000_000_000_000), ..NONE },
        ] },
        Listing { id: "google/claude-haiku-5-5", rule: AnyOf(&[Contains("claude-haiku-5-5"), Contains("claude-haiku-5.5"), Contains("claude-5-5-haiku"), Contains("claude-5.5-haiku")]), prices: &[
            Price { input: Some(100_000_000_000), cached_input: Some(10_000_000_000), cache_write: Some(125_000_000_000), output: Some(500_000_000_000), ..NONE },
            Price { above: Some(100_000), input: Some(500_000_000_000), cached_input: Some(50_000_000_000), cache_write: Some(625_000_000_000), output: Some(2_500_000_000_000), ..NONE },
        ] },
        Listing { id: "google/claude-opus-4-5", rule: AnyOf(&[Contains("claude-4-5-opus"), Contains("claude-opus-4-5"), Contains("claude-4.5-opus"), Contains("claude-opus-4.5")]), prices: &[
            Price { input: Some(5_000_000_000_000), cached_input: Some(500_000_000_000), cache_write: Some(6_250_000_000_000), output: Some(25_000_000_000_000), ..NONE },
        ] },
        Listing { id: "google/claude-opus-4-6", rule: AnyOf(&[Contains("claude-4-6-opus"), Contains("claude-opus-4-6"), Contains("claude-4.6-opus"), Contains("claude-opus-4.6")]), prices: &[
            Price { input: Some(5_000_000_000_000), cached_input: Some(500_000_000_000), cache_write: Some(6_250_000_000_000), output: Some(25_000_000_000_000), ..NONE },
            Price { above: Some(200_000), input: Some(10_000_000_000_000), cached_input: Some(1_000_000_000_000), cache_write: Some(12_500_000_000_000), output: Some(37_500_000_000_000), ..NONE },
            Price { from: date(2026, 3, 13), input: Some(5_000_000_000_000), cached_input: Some(500_000_000_000), cache_write: Some(6_250_000_000_000), output: Some(25_000_000_000_000), ..NONE },
        ] },
        Listing { id: "google/claude-opus-4-7", rule: AnyOf(&[Contains("claude-4-7-opus"), Contains("claude-opus-4-7"), Contains("claude-4.7-opus"), Contains("claude-opus-4.7")]), prices: &[
            Price { input: Some(5_000_000_000_000), cached_input: Some(500_000_000_000), cache_write: Some(6_250_000_000_000), output: Some(25_000_000_000_000), ..NONE },
        ] },
        Listing { id: "google/claude-opus-4-8", rule: AnyOf(&[Contains("claude-4-8-opus"), Contains("claude-opus-4-8"), Contains("claude-4.8-opus"), Contains("claude-opus-4.8")]), prices: &[
            Price { input: Some(5_000_000_000_000), cached_input: Some(500_000_000_000), cache_write: Some(6_250_000_000_000), output: Some(25_000_000_000_000), ..NONE },
        ] },
        Listing { id: "google/claude-opus-5", rule: AnyOf(&[Contains("claude-5-opus"), EndsWith("claude-opus-5"), Contains("claude-opus-5@"), Contains("claude-5.0-opus"), Contains("claude-opus-5.0")]), prices: &[
            Price { input: Some(5_000_000_000_000), cached_input: Some(500_000_000_000), cache_write: Some(6_250_000_000_000), output: Some(25_000_000_000_000), ..NONE },
        ] },
        Listing { id: "google/claude-opus-5-5", rule: AnyOf(&[Contains("claude-5-5-opus"), EndsWith("claude-opus-5-5"), Contains("claude-opus-5-5@"), Contains("claude-5.5-opus"), Contains("claude-opus-5.5")]), prices: &[
            Price { input: Some(4_000_000_000_000), cached_input: Some(200_000_000_000), cache_write: Some(5_000_000_000_000), output: Some(20_000_000_000_000), ..NONE },
        ] },
        Listing { id: "google/claude-sonnet-4-5", rule: AnyOf(&[Contains("claude-sonnet-4-5"), Contains("claude-sonnet-4.5")]), prices: &[
            Price { input: Some(3_000_000_000_000), cached_input: Some(300_000_000_000), cache_write: Some(3_750_000_000_000), output: Some(15_000_000_000_000), ..NONE },
            Price { above: Some(200_000), input: Some(6_000_000_000_000), cached_input: Some(600_000_000_000), cache_write: Some(7_500_000_000_000), output: Some(22_500_000_000_000), ..NONE },
        ] },
        Listing { id: "google/claude-sonnet-4-6", rule: AnyOf(&[Contains("claude-sonnet-4-6"), Contains("claude-sonnet-4.6")]), prices: &[
            Price { input: Some(3_000_000_000_000), cached_input: Some(300_000_000_000), cache_write: Some(3_750_000_000_000), output: Some(15_000_000_000_000), ..NONE },
        ] },
        Listing { id: "google/claude-sonnet-5-5", rule: AnyOf(&[Contains("claude-sonnet-5-5"), Contains("claude-sonnet-5.5"), Contains("claude-5-5-sonnet"), Contains("claude-5.5-sonnet")]), prices: &[
            Price { input: Some(2_000_000_000_000), cached_input: Some(100_000_000_000), cache_write: Some(2_500_000_000_000), output: Some(10_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-1.0-pro-vision-001", rule: Equals("gemini-1.0-pro-vision-001"), prices: &[
            Price { input: Some(125_000_000_000), output: Some(375_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-1.5-flash", rule: Contains("gemini-1.5-flash"), prices: &[
            Price { input: Some(75_000_000_000), cached_input: Some(18_750_000_000), output: Some(300_000_000_000), ..NONE },
            Price { above: Some(128_000), input: Some(150_000_000_000), cached_input: Some(37_500_000_000), output: Some(600_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-1.5-pro", rule: Contains("gemini-1.5-pro"), prices: &[
            Price { input: Some(1_250_000_000_000), output: Some(5_000_000_000_000), ..NONE },
            Price { above: Some(128_000), input: Some(2_500_000_000_000), output: Some(10_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-2.0-flash", rule: AnyOf(&[EndsWith("gemini-2.0-flash"), Contains("gemini-2.0-flash-0"), Contains("gemini-2.0-flash-exp"), Contains("gemini-2.0-flash-thinking"), Contains("gemini-2.0-flash-latest")]), prices: &[
            Price { input: Some(100_000_000_000), cached_input: Some(25_000_000_000), output: Some(400_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-2.0-flash-lite", rule: Contains("gemini-2.0-flash-lite"), prices: &[
            Price { input: Some(75_000_000_000), output: Some(300_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-2.5-flash", rule: AnyOf(&[Equals("gemini-2.5-flash"), Equals("gemini-2.5-flash-latest"), Equals("gemini-2.5-flash-preview-09-2025")]), prices: &[
            Price { input: Some(300_000_000_000), cached_input: Some(30_000_000_000), output: Some(2_500_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-2.5-flash-image", rule: AnyOf(&[Equals("gemini-2.5-flash-image"), Equals("gemini-2.5-flash-image-preview")]), prices: &[
            Price { input: Some(300_000_000_000), output: Some(2_500_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-2.5-flash-lite", rule: AnyOf(&[Equals("gemini-2.5-flash-lite"), AllOf(&[StartsWith("gemini-2.5-flash-lite-preview"), Matches(&[Not(&[Run(Any, 0, usize::MAX), Text("-"), Run(In("tT"), 1, 1), Run(In("tT"), 1, 1), Run(In("sS"), 1, 1), Either(&[&[End], &[Text("-")]])])])])]), prices: &[
            Price { input: Some(100_000_000_000), cached_input: Some(10_000_000_000), output: Some(400_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-2.5-flash-lite-preview-tts", rule: Equals("gemini-2.5-flash-lite-preview-tts"), prices: &[
            Price { input: Some(500_000_000_000), output: Some(10_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-2.5-flash-preview", rule: AnyOf(&[Contains("gemini-2.5-flash-preview-05-20"), Contains("gemini-2.5-flash-preview-04-17"), Equals("gemini-2.5-flash-preview-05-20:thinking"), Equals("gemini-2.5-flash-preview"), Equals("gemini-2.5-flash-preview:thinking")]), prices: &[
            Price { input: Some(150_000_000_000), output: Some(600_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-2.5-flash-tts", rule: AnyOf(&[Equals("gemini-2.5-flash-tts"), Equals("gemini-2.5-flash-preview-tts")]), prices: &[
            Price { input: Some(500_000_000_000), output: Some(10_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-2.5-pro", rule: AllOf(&[StartsWith("gemini-2.5-pro"), Matches(&[Not(&[Run(Any, 0, usize::MAX), Text("-"), Run(In("tT"), 1, 1), Run(In("tT"), 1, 1), Run(In("sS"), 1, 1), Either(&[&[End], &[Text("-")]])])])]), prices: &[
            Price { input: Some(1_250_000_000_000), cached_input: Some(125_000_000_000), output: Some(10_000_000_000_000), ..NONE },
            Price { above: Some(200_000), input: Some(2_500_000_000_000), cached_input: Some(250_000_000_000), output: Some(15_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-2.5-pro-tts", rule: AnyOf(&[Equals("gemini-2.5-pro-tts"), Equals("gemini-2.5-pro-preview-tts")]), prices: &[
            Price { input: Some(1_000_000_000_000), output: Some(20_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-3-flash-preview", rule: AnyOf(&[Equals("gemini-3-flash-preview"), StartsWith("gemini-3-flash-preview-")]), prices: &[
            Price { input: Some(500_000_000_000), cached_input: Some(50_000_000_000), output: Some(3_000_000_000_000), ..NONE },
            Price { from: date(2026, 1, 5), input: Some(500_000_000_000), cached_input: Some(50_000_000_000), output: Some(3_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-3-pro-image-preview", rule: AnyOf(&[Equals("gemini-3-pro-image"), StartsWith("gemini-3-pro-image-preview")]), prices: &[
            Price { input: Some(2_000_000_000_000), output: Some(12_000_000_000_000), ..NONE },
            Price { from: date(2026, 1, 5), input: Some(2_000_000_000_000), output: Some(12_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-3-pro-preview", rule: AnyOf(&[StartsWith("gemini-3-pro-preview"), Equals("gemini-3-pro-text-preview")]), prices: &[
            Price { input: Some(2_000_000_000_000), cached_input: Some(200_000_000_000), output: Some(12_000_000_000_000), ..NONE },
            Price { above: Some(200_000), input: Some(4_000_000_000_000), cached_input: Some(400_000_000_000), output: Some(18_000_000_000_000), ..NONE },
            Price { from: date(2026, 1, 5), input: Some(2_000_000_000_000), cached_input: Some(200_000_000_000), output: Some(12_000_000_000_000), ..NONE },
            Price { from: date(2026, 1, 5), above: Some(200_000), input: Some(4_000_000_000_000), cached_input: Some(400_000_000_000), output: Some(18_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-3.1-flash-image-preview", rule: AnyOf(&[Equals("gemini-3.1-flash-image"), StartsWith("gemini-3.1-flash-image-preview")]), prices: &[
            Price { input: Some(500_000_000_000), output: Some(3_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-3.1-flash-lite", rule: AnyOf(&[Equals("gemini-3.1-flash-lite"), StartsWith("gemini-3.1-flash-lite-preview")]), prices: &[
            Price { input: Some(250_000_000_000), cached_input: Some(25_000_000_000), output: Some(1_500_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-3.1-flash-lite-image", rule: StartsWith("gemini-3.1-flash-lite-image"), prices: &[
            Price { input: Some(250_000_000_000), output: Some(1_500_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-3.1-flash-live-preview", rule: StartsWith("gemini-3.1-flash-live-preview"), prices: &[
            Price { input: Some(750_000_000_000), output: Some(4_500_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-3.1-flash-tts-preview", rule: Equals("gemini-3.1-flash-tts-preview"), prices: &[
            Price { input: Some(1_000_000_000_000), output: Some(20_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-3.1-pro-preview", rule: AnyOf(&[StartsWith("gemini-3.1-pro-preview"), Equals("gemini-pro-latest")]), prices: &[
            Price { input: Some(2_000_000_000_000), cached_input: Some(200_000_000_000), output: Some(12_000_000_000_000), ..NONE },
            Price { above: Some(200_000), input: Some(4_000_000_000_000), cached_input: Some(400_000_000_000), output: Some(18_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-3.5-flash", rule: AnyOf(&[Equals("gemini-3.5-flash"), StartsWith("gemini-3.5-flash-preview"), Matches(&[Text("gemini-3.5-flash-"), Run(Digit, 1, 1)])]), prices: &[
            Price { input: Some(1_500_000_000_000), cached_input: Some(150_000_000_000), output: Some(9_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-3.5-flash-lite", rule: AnyOf(&[StartsWith("gemini-3.5-flash-lite"), Equals("gemini-flash-lite-latest")]), prices: &[
            Price { input: Some(300_000_000_000), cached_input: Some(30_000_000_000), output: Some(2_500_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-3.6-flash", rule: StartsWith("gemini-3.6-flash"), prices: &[
            Price { input: Some(750_000_000_000), cached_input: Some(75_000_000_000), output: Some(3_750_000_000_000), ..NONE },
            Price { from: date(2027, 1, 1), input: Some(1_500_000_000_000), cached_input: Some(150_000_000_000), output: Some(7_500_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-3.7-flash", rule: StartsWith("gemini-3.7-flash"), prices: &[
            Price { input: Some(750_000_000_000), cached_input: Some(75_000_000_000), output: Some(3_750_000_000_000), ..NONE },
            Price { from: date(2027, 1, 1), input: Some(1_500_000_000_000), cached_input: Some(150_000_000_000), output: Some(7_500_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-3.8-flash", rule: AnyOf(&[AllOf(&[StartsWith("gemini-3.8-flash"), Matches(&[Not(&[Run(Any, 0, usize::MAX), Text("-"), Run(In("tT"), 1, 1), Run(In("tT"), 1, 1), Run(In("sS"), 1, 1), Either(&[&[End], &[Text("-")]])])])]), Equals("gemini-flash-latest")]), prices: &[
            Price { input: Some(750_000_000_000), cached_input: Some(75_000_000_000), output: Some(3_750_000_000_000), ..NONE },
            Price { from: date(2027, 1, 1), input: Some(1_500_000_000_000), cached_input: Some(150_000_000_000), output: Some(7_500_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-3.8-flash-lite-tts", rule: Equals("gemini-3.8-flash-lite-tts"), prices: &[
            Price { input: Some(500_000_000_000), output: Some(6_000_000_000_000), ..NONE },
            Price { from: date(2027, 1, 1), input: Some(1_000_000_000_000), output: Some(12_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-3.8-flash-tts", rule: Equals("gemini-3.8-flash-tts"), prices: &[
            Price { input: Some(500_000_000_000), output: Some(9_000_000_000_000), ..NONE },
            Price { from: date(2027, 1, 1), input: Some(1_000_000_000_000), output: Some(18_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-3.8-live", rule: StartsWith("gemini-3.8-live"), prices: &[
            Price { input: Some(750_000_000_000), output: Some(4_500_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-4-argon", rule: AnyOf(&[Equals("gemini-4-argon"), StartsWith("gemini-4-argon-preview"), Matches(&[Text("gemini-4-argon-"), Run(Digit, 1, 1)])]), prices: &[
            Price { input: Some(2_000_000_000_000), cached_input: Some(100_000_000_000), output: Some(10_000_000_000_000), ..NONE },
            Price { from: date(2026, 12, 1), input: Some(4_000_000_000_000), cached_input: Some(200_000_000_000), output: Some(20_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-embedding-001", rule: Equals("gemini-embedding-001"), prices: &[
            Price { input: Some(150_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-embedding-2", rule: AnyOf(&[Equals("gemini-embedding-2"), Equals("gemini-embedding-2-preview")]), prices: &[
            Price { input: Some(200_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-flash-1.5", rule: Equals("gemini-flash-1.5"), prices: &[
            Price { input: Some(75_000_000_000), cached_input: Some(18_750_000_000), output: Some(300_000_000_000), ..NONE },
            Price { above: Some(128_000), input: Some(150_000_000_000), cached_input: Some(37_500_000_000), output: Some(600_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-flash-1.5-8b", rule: Equals("gemini-flash-1.5-8b"), prices: &[
            Price { input: Some(37_500_000_000), cached_input: Some(10_000_000_000), output: Some(150_000_000_000), ..NONE },
            Price { above: Some(128_000), input: Some(75_000_000_000), cached_input: Some(20_000_000_000), output: Some(300_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-live-2.5-flash", rule: AnyOf(&[StartsWith("gemini-live-2.5-flash"), StartsWith("gemini-2.5-flash-native-audio-preview"), Equals("gemini-2.5-flash-native-audio-latest")]), prices: &[
            Price { input: Some(500_000_000_000), output: Some(2_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-nano-banana-2.1", rule: Equals("gemini-nano-banana-2.1"), prices: &[
            Price { input: Some(1_500_000_000_000), output: Some(7_500_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-omni-1.1-flash", rule: Equals("gemini-omni-1.1-flash"), prices: &[
            Price { input: Some(1_500_000_000_000), output: Some(9_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-omni-flash-preview", rule: StartsWith("gemini-omni-flash-preview"), prices: &[
            Price { input: Some(1_500_000_000_000), output: Some(9_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-pro", rule: AnyOf(&[Equals("gemini-pro"), Equals("gemini-1.0-pro")]), prices: &[
            Price { input: Some(125_000_000_000), output: Some(375_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-pro-1.5", rule: Equals("gemini-pro-1.5"), prices: &[
            Price { input: Some(1_250_000_000_000), cached_input: Some(312_500_000_000), output: Some(5_000_000_000_000), ..NONE },
            Price { above: Some(128_000), input: Some(2_500_000_000_000), cached_input: Some(625_000_000_000), output: Some(10_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-robotics-er-2-preview", rule: Equals("gemini-robotics-er-2-preview"), prices: &[
            Price { input: Some(1_000_000_000_000), cached_input: Some(100_000_000_000), output: Some(5_000_000_000_000), ..NONE },
            Price { from: date(2027, 1, 1), input: Some(2_000_000_000_000), cached_input: Some(200_000_000_000), output: Some(10_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gemini-robotics-er-2-streaming-preview", rule: Equals("gemini-robotics-er-2-streaming-preview"), prices: &[
            Price { input: Some(1_000_000_000_000), output: Some(5_000_000_000_000), ..NONE },
            Price { from: date(2027, 1, 1), input: Some(2_000_000_000_000), output: Some(10_000_000_000_000), ..NONE },
        ] },
        Listing { id: "google/gemma-2-27b-it", rule: Equals("gemma-2-27b-it"), prices: &[
            Price { input: Some(650_000_000_000), output: Some(650_000_000_000), ..NONE },
        ] },
        Listing { id: "google/gemma-3", rule: AnyOf(&[StartsWith("gemma-3-"), Equals("gemma-3")]), prices: &[
            NONE,
        ] },
        Listing { id: "google/gemma-3n", rule: AnyOf(&[StartsWith("gemma-3n")]), prices: &[
            NONE,
        ] },
        Listing { id: "google/gemma-4-26b-a4b-it", rule: Equals("gemma-4-26b-a4b-it"), prices: &[
            NONE,
        ] },
        Listing { id: "google/gemma-4-26b-a4b-it-maas", rule: Equals("gemma-4-26b-a4b-it-maas"), prices: &[
            Price { input: Some(150_000_000_000), cached_input: Some(15_000_000_000), output: Some(600_000_000_000), ..NONE },
        ] },
        Listing { id: "google/gemma-4-31b-it", rule: Equals("gemma-4-31b-it"), prices: &[
            NONE,
        ] },
    ] },
    Provider { id: "meta", rule: AnyOf(&[Equals("muse-wonder-1.0"), StartsWith("muse-spark-")]), fallbacks: &[], listings: &[
        Listing { id: "muse-spark-1.1", rule: Equals("muse-spark-1.1"), prices: &[
            Price { input: Some(1_250_000_000_000), cached_input: Some(150_000_000_000), output: Some(4_250_000_000_000), ..NONE },
        ] },
        Listing { id: "muse-spark-1.2", rule: Equals("muse-spark-1.2"), prices: &[
            Price { input: Some(1_250_000_000_000), cached_input: Some(150_000_000_000), output: Some(4_250_000_000_000), ..NONE },
        ] },
        Listing { id: "muse-spark-1.2-contributor", rule: Equals("muse-spark-1.2-contributor"), prices: &[
            Price { input: Some(100_000_000_000), cached_input: Some(2_000_000_000), output: Some(200_000_000_000), ..NONE },
        ] },
        Listing { id: "muse-spark-1.3", rule: Equals("muse-spark-1.3"), prices: &[
            Price { input: Some(1_250_000_000_000), cached_input: Some(150_000_000_000), output: Some(4_250_000_000_000), ..NONE },
        ] },
        Listing { id: "muse-spark-1.3-contributor", rule: Equals("muse-spark-1.3-contributor"), prices: &[
            Price { input: Some(100_000_000_000), cached_input: Some(2_000_000_000), output: Some(200_000_000_000), ..NONE },
        ] },
        Listing { id: "muse-wonder-1.0", rule: Equals("muse-wonder-1.0"), prices: &[
            Price { input: Some(4_000_000_000_000), cached_input: Some(200_000_000_000), output: Some(20_000_000_000_000), ..NONE },
        ] },
    ] },
    Provider { id: "minimax", rule: AnyOf(&[StartsWith("minimax-m"), StartsWith("minimax-m"), Equals("minimax-01"), Equals("m2-her"), Equals("m2-her")]), fallbacks: &[], listings: &[
        Listing { id: "M2-her", rule: AnyOf(&[Equals("m2-her"), Equals("m2-her")]), prices: &[
            Price { input: Some(300_000_000_000), output: Some(1_200_000_000_000), ..NONE },
        ] },
        Listing { id: "MiniMax-M2", rule: AnyOf(&[Equals("minimax-m2"), Equals("minimax-m2"), Equals("minimax-m2.1"), Equals("minimax-m2.1"), Equals("minimax-m2.5"), Equals("minimax-m2.5")]), prices: &[
            Price { input: Some(300_000_000_000), cached_input: Some(30_000_000_000), cache_write: Some(375_000_000_000), output: Some(1_200_000_000_000), ..NONE },
        ] },
        Listing { id: "MiniMax-M2.1-highspeed", rule: AnyOf(&[Contains("m2.1-highspeed"), Contains("m2.1-highspeed")]), prices: &[
            Price { input: Some(600_000_000_000), cached_input: Some(30_000_000_000), cache_write: Some(375_000_000_000), output: Some(2_400_000_000_000), ..NONE },
        ] },
        Listing { id: "MiniMax-M2.5-highspeed", rule: AnyOf(&[Contains("m2.5-highspeed"), Contains("m2.5-highspeed")]), prices: &[
            Price { input: Some(600_000_000_000), cached_input: Some(30_000_000_000), cache_write: Some(375_000_000_000), output: Some(2_400_000_000_000), ..NONE },
        ] },
        Listing { id: "MiniMax-M2.7", rule: AnyOf(&[Equals("minimax-m2.7"), Equals("minimax-m2.7")]), prices: &[
            Price { input: Some(300_000_000_000), cached_input: Some(60_000_000_000), cache_write: Some(375_000_000_000), output: Some(1_200_000_000_000), ..NONE },
        ] },
        Listing { id: "MiniMax-M2.7-highspeed", rule: AnyOf(&[Contains("m2.7-highspeed"), Contains("m2.7-highspeed")]), prices: &[
            Price { input: Some(600_000_000_000), cached_input: Some(60_000_000_000), cache_write: Some(375_000_000_000), output: Some(2_400_000_000_000), ..NONE },
        ] },
        Listing { id: "MiniMax-M3.1-Flash", rule: AnyOf(&[Equals("minimax-m3.1-flash"), Equals("minimax-m3.1-flash")]), prices: &[
            Price { input: Some(150_000_000_000), cached_input: Some(15_000_000_000), output: Some(600_000_000_000), ..NONE },
        ] },
        Listing { id: "minimax-01", rule: Equals("minimax-01"), prices: &[
            Price { input: Some(200_000_000_000), output: Some(1_100_000_000_000), ..NONE },
        ] },
        Listing { id: "minimax-m1", rule: Equals("minimax-m1"), prices: &[
            Price { input: Some(400_000_000_000), output: Some(2_200_000_000_000), ..NONE },
        ] },
        Listing { id: "minimax-m3", rule: AnyOf(&[Equals("minimax-m3"), Equals("minimax-m3")]), prices: &[
            Price { input: Some(300_000_000_000), cached_input: Some(60_000_000_000), output: Some(1_200_000_000_000), ..NONE },
            Price { above: Some(512_000), input: Some(600_000_000_000), cached_input: Some(120_000_000_000), output: Some(2_400_000_000_000), ..NONE },
        ] },
    ] },
    Provider { id: "mistral", rule: Matches(&[Not(&[Run(NotIn("/"), 1, usize::MAX), Text("/")]), Either(&[&[Text("labs-")], &[]]), Either(&[&[Either(&[&[Text("mi")], &[Text("code")], &[Text("dev")], &[Text("magi")], &[Text("mini")]]), Text("stral")], &[Text("mixtral")], &[Text("pixtral")], &[Text("voxtral")], &[Text("open-"), Either(&[&[Text("mistral")], &[Text("mixtral")]])]])]), fallbacks: &[], listings: &[
        Listing { id: "mistral/codestral", rule: AnyOf(&[Equals("codestral-latest"), Equals("codestral-2501")]), prices: &[
            Price { input: Some(300_000_000_000), output: Some(900_000_000_000), ..NONE },
        ] },
        Listing { id: "codestral-2508", rule: Equals("codestral-2508"), prices: &[
            Price { input: Some(300_000_000_000), cached_input: Some(30_000_000_000), output: Some(900_000_000_000), ..NONE },
        ] },
        Listing { id: "codestral-embed-2505", rule: AnyOf(&[Equals("codestral-embed-2505"), Equals("codestral-embed")]), prices: &[
            Price { input: Some(150_000_000_000), cached_input: Some(15_000_000_000), ..NONE },
        ] },
        Listing { id: "devstral-2512", rule: Equals("devstral-2512"), prices: &[
            Price { input: Some(400_000_000_000), cached_input: Some(40_000_000_000), output: Some(2_000_000_000_000), ..NONE },
        ] },
        Listing { id: "devstral-small", rule: AnyOf(&[Equals("devstral-small"), Equals("devstral-small-2505"), Equals("devstral-small-2507"), Equals("devstral-small-latest"), Equals("labs-devstral-small-2512")]), prices: &[
            Price { input: Some(100_000_000_000), output: Some(300_000_000_000), ..NONE },
        ] },
        Listing { id: "devstral-small:free", rule: Equals("devstral-small:free"), prices: &[
            NONE,
        ] },
        Listing { id: "magistral-medium", rule: AnyOf(&[StartsWith("magistral-medium")]), prices: &[
            Price { input: Some(2_000_000_000_000), output: Some(5_000_000_000_000), ..NONE },
        ] },
        Listing { id: "mistral/magistral-small", rule: StartsWith("magistral-small-"), prices: &[
            Price { input: Some(500_000_000_000), output: Some(1_500_000_000_000), ..NONE },
        ] },
        Listing { id: "ministral-14b-2512", rule: Equals("ministral-14b-2512"), prices: &[
            Price { input: Some(200_000_000_000), cached_input: Some(20_000_000_000), output: Some(200_000_000_000), ..NONE },
        ] },
        Listing { id: "ministral-3b", rule: Equals("ministral-3b"), prices: &[
            Price { input: Some(40_000_000_000), output: Some(40_000_000_000), ..NONE },
        ] },
        Listing { id: "ministral-3b-2512", rule: Equals("ministral-3b-2512"), prices: &[
            Price { input: Some(100_000_000_000), cached_input: Some(10_000_000_000), output: Some(100_000_000_000), ..NONE },
        ] },
        Listing { id: "ministral-8b", rule: AnyOf(&[Equals("ministral-8b"), Equals("ministral-8b-2410")]), prices: &[
            Price { input: Some(100_000_000_000), output: Some(100_000_000_000), ..NONE },
        ] },
        Listing { id: "ministral-8b-2512", rule: Equals("ministral-8b-2512"), prices: &[
            Price { input: Some(150_000_000_000), cached_input: Some(15_000_000_000), output: Some(150_000_000_000), ..NONE },
        ] },
        Listing { id: "ministral-8b-latest", rule: Equals("ministral-8b-latest"), prices: &[
            Price { input: Some(100_000_000_000), output: Some(100_000_000_000), ..NONE },
            Price { from: date(2025, 12, 2), input: Some(150_000_000_000), cached_input: Some(15_000_000_000), output: Some(150_000_000_000), ..NONE },
        ] },
        Listing { id: "mistral-7b", rule: AnyOf(&[Equals("mistral-7b"), Equals("open-mistral-7b")]), prices: &[
            Price { input: Some(250_000_000_000), output: Some(250_000_000_000), ..NONE },
        ] },
        Listing { id: "mistral-embed", rule: AnyOf(&[Equals("mistral-embed"), Equals("mistral-embed-2312")]), prices: &[
            Price { input: Some(100_000_000_000), output: Some(100_000_000_000), ..NONE },
        ] },
        Listing { id: "mistral-large", rule: AnyOf(&[Equals("mistral-large"), Equals("mistral-large-latest"), Equals("mistral-large-2407"), Equals("mistral-large-2411")]), prices: &[
            Price { input: Some(2_000_000_000_000), output: Some(6_000_000_000_000), ..NONE },
        ] },
        Listing { id: "mistral-large-2512", rule: Equals("mistral-large-2512"), prices: &[
            Price { input: Some(500_000_000_000), cached_input: Some(50_000_000_000), output: Some(1_500_000_000_000), ..NONE },
        ] },
        Listing { id: "mistral-large-4", rule: AnyOf(&[Equals("mistral-large-4"), Equals("mistral-large-4-0")]), prices: &[
            Price { input: Some(680_000_000_000), cached_input: Some(70_000_000_000), output: Some(2_090_000_000_000), ..NONE },
            Price { from: date(2026, 10, 20), input: Some(1_360_000_000_000), cached_input: Some(140_000_000_000), output: Some(4_180_000_000_000), ..NONE },
        ] },
        Listing { id: "mistral-medium-2312", rule: Equals("mistral-medium-2312"), prices: &[
            Price { input: Some(2_700_000_000_000), output: Some(8_100_000_000_000), ..NONE },
        ] },
        Listing { id: "mistral/mistral-medium-3-1", rule: AnyOf(&[Equals("mistral-medium"), Equals("mistral-medium-2505"), Equals("mistral-medium-2508")]), prices: &[
            Price { input: Some(400_000_000_000), cached_input: Some(40_000_000_000), output: Some(2_000_000_000_000), ..NONE },
        ] },
        Listing { id: "mistral-medium-3-5", rule: AnyOf(&[Equals("mistral-medium-3.5"), Equals("mistral-medium-3-5"), Equals("mistral-medium-3"), Equals("mistral-medium-2604")]), prices: &[
            Price { input: Some(1_500_000_000_000), cached_input: Some(150_000_000_000), output: Some(7_500_000_000_000), ..NONE },
        ] },
        Listing { id: "mistral-medium-latest", rule: Equals("mistral-medium-latest"), prices: &[
            Price { input: Some(400_000_000_000), cached_input: Some(40_000_000_000), output: Some(2_000_000_000_000), ..NONE },
            Price { from: date(2026, 6, 16), input: Some(1_500_000_000_000), cached_input: Some(150_000_000_000), output: Some(7_500_000_000_000), ..NONE },
        ] },
        Listing { id: "mistral-nemo", rule: AnyOf(&[Equals("mistral-nemo"), Equals("open-mistral-nemo")]), prices: &[
            Price { input: Some(150_000_000_000), output: Some(150_000_000_000), ..NONE },
        ] },
        Listing { id: "mistral-nemo:free", rule: Equals("mistral-nemo:free"), prices: &[
            NONE,
        ] },
        Listing { id: "mistral-ocr-2503", rule: AnyOf(&[Equals("mistral-ocr-2503"), Equals("mistral-ocr-2503-completion")]), prices: &[
            NONE,
        ] },
        Listing { id: "mistral-ocr-2505", rule: AnyOf(&[Equals("mistral-ocr-2505"), Equals("mistral-ocr-2505-completion")]), prices: &[
            NONE,
        ] },
        Listing { id: "mistral-ocr-2512", rule: AnyOf(&[Equals("mistral-ocr-2512"), Equals("mistral-ocr-2512-completion")]), prices: &[
            NONE,
        ] },
        Listing { id: "mistral-ocr-4-0", rule: AnyOf(&[Equals("mistral-ocr-4-0"), Equals("mistral-ocr-4-0-completion")]), prices: &[
            NONE,
        ] },
        Listing { id: "mistral-ocr-4-1", rule: AnyOf(&[Equals("mistral-ocr-4"), Equals("mistral-ocr-4-completion"), Equals("mistral-ocr-4-1"), Equals("mistral-ocr-4-1-completion")]), prices: &[
            NONE,
        ] },
        Listing { id: "mistral-ocr-latest", rule: AnyOf(&[Equals("mistral-ocr-latest"), Equals("mistral-ocr-latest-completion")]), prices: &[
            NONE,
            Price { from: date(2025, 5, 22), ..NONE },
            Price { from: date(2025, 12, 18), ..NONE },
            Price { from: date(2026, 6, 23), ..NONE },
        ] },
        Listing { id: "mistral-saba", rule: AnyOf(&[Equals("mistral-saba"), Equals("mistral-saba-latest")]), prices: &[
            Price { input: Some(200_000_000_000), output: Some(600_000_000_000), ..NONE },
        ] },
        Listing { id: "mistral-small-24b-instruct-2501", rule: Equals("mistral-small-24b-instruct-2501"), prices: &[
            Price { input: Some(50_000_000_000), output: Some(80_000_000_000), ..NONE },
        ] },
        Listing { id: "mistral-small-24b-instruct-2501:free", rule: Equals("mistral-small-24b-instruct-2501:free"), prices: &[
            NONE,
        ] },
        Listing { id: "mistral-small-2603", rule: Equals("mistral-small-2603"), prices: &[
            Price { input: Some(150_000_000_000), cached_input: Some(15_000_000_000), output: Some(600_000_000_000), ..NONE },
        ] },
        Listing { id: "mistral-small-3.1-24b-instruct", rule: Equals("mistral-small-3.1-24b-instruct"), prices: &[
            Price { input: Some(351_000_000_000), output: Some(555_000_000_000), ..NONE },
        ] },
        Listing { id: "mistral-small-3.2-24b-instruct", rule: AnyOf(&[Equals("mistral-small-2506"), Equals("mistral-small-3.2-24b-instruct")]), prices: &[
            Price { input: Some(100_000_000_000), output: Some(300_000_000_000), ..NONE },
        ] },
        Listing { id: "mistral-small-latest", rule: Equals("mistral-small-latest"), prices: &[
            Price { input: Some(100_000_000_000), output: Some(300_000_000_000), ..NONE },
            Price { from: date(2026, 3, 16), input: Some(150_000_000_000), cached_input: Some(15_000_000_000), output: Some(600_000_000_000), ..NONE },
        ] },
        Listing { id: "mistral-tiny", rule: Equals("mistral-tiny"), prices: &[
            Price { input: Some(250_000_000_000), output: Some(250_000_000_000), ..NONE },
        ] },
        Listing { id: "mixtral-8x22b-instruct", rule: AnyOf(&[Equals("open-mixtral-8x22b"), Equals("mixtral-8x22b-instruct")]), prices: &[
            Price { input: Some(2_000_000_000_000), output: Some(6_000_000_000_000), ..NONE },
        ] },
        Listing { id: "mixtral-8x7b", rule: AnyOf(&[StartsWith("mixtral-8x7b"), Equals("open-mixtral-8x7b")]), prices: &[
            Price { input: Some(700_000_000_000), output: Some(700_000_000_000), ..NONE },
        ] },
        Listing { id: "pixtral-12b", rule: AnyOf(&[Equals("pixtral-12b"), Equals("pixtral-12b-latest")]), prices: &[
            Price { input: Some(150_000_000_000), output: Some(150_000_000_000), ..NONE },
        ] },
        Listing { id: "mistral/pixtral-large", rule: AnyOf(&[Equals("pixtral-large-latest"), Equals("pixtral-large-2411")]), prices: &[
            Price { input: Some(2_000_000_000_000), output: Some(6_000_000_000_000), ..NONE },
        ] },
        Listing { id: "voxtral-mini-2602", rule: AnyOf(&[Equals("voxtral-mini-latest"), Equals("voxtral-mini-2602")]), prices: &[
            NONE,
        ] },
        Listing { id: "voxtral-mini-transcribe-3-0", rule: Equals("voxtral-mini-transcribe-3-0"), prices: &[
            NONE,
        ] },
        Listing { id: "voxtral-mini-transcribe-realtime-2602", rule: Equals("voxtral-mini-transcribe-realtime-2602"), prices: &[
            NONE,
        ] },
        Listing { id: "voxtral-mini-transcribe-realtime-3-0", rule: Equals("voxtral-mini-transcribe-realtime-3-0"), prices: &[
            NONE,
        ] },
        Listing { id: "voxtral-small-24b-2507", rule: AnyOf(&[Equals("voxtral-small-24b-2507"), Equals("voxtral-small-2507"), Equals("voxtral-small-latest")]), prices: &[
            Price { input: Some(100_000_000_000), cached_input: Some(10_000_000_000), output: Some(300_000_000_000), ..NONE },
            Price { from: date(2026, 8, 11), input: Some(100_000_000_000), cached_input: Some(10_000_000_000), output: Some(400_000_000_000), ..NONE },
        ] },
        Listing { id: "voxtral-small-transcribe-3-0", rule: Equals("voxtral-small-transcribe-3-0"), prices: &[
            NONE,
        ] },
        Listing { id: "mistral/zai-glm-5-3", rule: Equals("zai-glm-5-3"), prices: &[
            Price { input: Some(1_400_000_000_000), cached_input: Some(140_000_000_000), output: Some(4_400_000_000_000), ..NONE },
        ] },
        Listing { id: "mistral/zai-glm-5-3-flash", rule: Equals("zai-glm-5-3-flash"), prices: &[
            Price { input: Some(150_000_000_000), cached_input: Some(30_000_000_000), output: Some(500_000_000_000), ..NONE },
        ] },
    ] },
    Provider { id: "moonshotai", rule: AnyOf(&[StartsWith("kimi"), StartsWith("moonshot")]), fallbacks: &[], listings: &[
        Listing { id: "kimi-k2", rule: Equals("kimi-k2"), prices: &[
            Price { input: Some(570_000_000_000), output: Some(2_300_000_000_000), ..NONE },
        ] },
        Listing { id: "kimi-k2-0711-preview", rule: Equals("kimi-k2-0711-preview"), prices: &[
            Price { input: Some(600_000_000_000), cached_input: Some(150_000_000_000), output: Some(2_500_000_000_000), ..NONE },
        ] },
        Listing { id: "kimi-k2-0905-preview", rule: Equals("kimi-k2-0905-preview"), prices: &[
            Price { input: Some(600_000_000_000), cached_input: Some(150_000_000_000), output: Some(2_500_000_000_000), ..NONE },
        ] },
        Listing { id: "kimi-k2-thinking", rule: Equals("kimi-k2-thinking"), prices: &[
            Price { input: Some(600_000_000_000), cached_input: Some(150_000_000_000), output: Some(2_500_000_000_000), ..NONE },
        ] },
        Listing { id: "kimi-k2-thinking-turbo", rule: Equals("kimi-k2-thinking-turbo"), prices: &[
            Price { input: Some(1_150_000_000_000), cached_input: Some(150_000_000_000), output: Some(8_000_000_000_000), ..NONE },
        ] },
        Listing { id: "kimi-k2-turbo-preview", rule: StartsWith("kimi-k2-turbo"), prices: &[
            Price { input: Some(1_150_000_000_000), cached_input: Some(150_000_000_000), output: Some(8_000_000_000_000), ..NONE },
        ] },
        Listing { id: "kimi-k2.5", rule: StartsWith("kimi-k2.5"), prices: &[
            Price { input: Some(600_000_000_000), cached_input: Some(100_000_000_000), output: Some(3_000_000_000_000), ..NONE },
        ] },
        Listing { id: "kimi-k2.6", rule: StartsWith("kimi-k2.6"), prices: &[
            Price { input: Some(950_000_000_000), cached_input: Some(160_000_000_000), output: Some(4_000_000_000_000), ..NONE },
        ] },
        Listing { id: "kimi-k2.7-code", rule: Equals("kimi-k2.7-code"), prices: &[
            Price { input: Some(950_000_000_000), cached_input: Some(190_000_000_000), output: Some(4_000_000_000_000), ..NONE },
        ] },
        Listing { id: "kimi-k2.7-code-highspeed", rule: Equals("kimi-k2.7-code-highspeed"), prices: &[
            Price { input: Some(1_900_000_000_000), cached_input: Some(380_000_000_000), output: Some(8_000_000_000_000), ..NONE },
        ] },
        Listing { id: "kimi-k3", rule: Equals("kimi-k3"), prices: &[
            Price { input: Some(3_000_000_000_000), cached_input: Some(300_000_000_000), cache_write: Some(3_000_000_000_000), output: Some(15_000_000_000_000), ..NONE },
        ] },
        Listing { id: "kimi-k3.1-pro", rule: Equals("kimi-k3.1-pro"), prices: &[
            Price { input: Some(2_000_000_000_000), cached_input: Some(200_000_000_000), cache_write: Some(2_000_000_000_000), output: Some(10_000_000_000_000), ..NONE },
        ] },
        Listing { id: "kimi-k3.1-pro-highspeed", rule: Equals("kimi-k3.1-pro-highspeed"), prices: &[
            Price { input: Some(4_000_000_000_000), cached_input: Some(200_000_000_000), cache_write: Some(4_000_000_000_000), output: Some(20_000_000_000_000), ..NONE },
        ] },
        Listing { id: "moonshot-v1-128k", rule: AnyOf(&[Equals("moonshot-v1-128k"), Equals("moonshot-v1-128k-vision-preview")]), prices: &[
            Price { input: Some(2_000_000_000_000), output: Some(5_000_000_000_000), ..NONE },
        ] },
        Listing { id: "moonshot-v1-32k", rule: AnyOf(&[Equals("moonshot-v1-32k"), Equals("moonshot-v1-32k-vision-preview")]), prices: &[
            Price { input: Some(1_000_000_000_000), output: Some(3_000_000_000_000), ..NONE },
        ] },
        Listing { id: "moonshot-v1-8k", rule: AnyOf(&[Equals("moonshot-v1-8k"), Equals("moonshot-v1-8k-vision-preview")]), prices: &[
            Price { input: Some(200_000_000_000), output: Some(2_000_000_000_000), ..NONE },
        ] },
    ] },
    Provider { id: "openai", rule: AnyOf(&[StartsWith("gpt-"), Equals("whisper-1"), StartsWith("tts-1"), Matches(&[Text("o"), Run(In("134"), 1, 1)])]), fallbacks: &[], listings: &[
        Listing { id: "openai/ada", rule: AnyOf(&[Equals("ada"), Equals("text-ada-001")]), prices: &[
            Price { input: Some(400_000_000_000), output: Some(400_000_000_000), ..NONE },
        ] },
        Listing { id: "openai/babbage", rule: Equals("babbage"), prices: &[
            Price { input: Some(500_000_000_000), output: Some(500_000_000_000), ..NONE },
        ] },
        Listing { id: "openai/babbage-002", rule: Equals("babbage-002"), prices: &[
            Price { input: Some(400_000_000_000), output: Some(400_000_000_000), ..NONE },
        ] },
        Listing { id: "openai/chatgpt-4o-latest", rule: Equals("chatgpt-4o-latest"), prices: &[
            Price { input: Some(5_000_000_000_000), output: Some(15_000_000_000_000), ..NONE },
        ] },
        Listing { id: "openai/chatgpt-image-latest", rule: Equals("chatgpt-image-latest"), prices: &[
            Price { input: Some(5_000_000_000_000), cached_input: Some(1_250_000_000_000), output: Some(10_000_000_000_000), ..NONE },
        ] },
        Listing { id: "openai/codex-mini", rule: AnyOf(&[Equals("codex-mini"), Equals("codex-mini-latest")]), prices: &[
            Price { input: Some(1_500_000_000_000), cached_input: Some(375_000_000_000), output: Some(6_000_000_000_000), ..NONE },
        ] },
        Listing { id: "openai/computer-use", rule: StartsWith("computer-use"), prices: &[
            Price { input: Some(3_000_000_000_000), output: Some(12_000_000_000_000), ..NONE },
        ] },
        Listing { id: "openai/curie", rule: AnyOf(&[Equals("curie"), Equals("text-curie-001")]), prices: &[
            Price { input: Some(2_000_000_000_000), output: Some(2_000_000_000_000), ..NONE },
        ] },
        Listing { id: "openai/davinci", rule: AnyOf(&[Equals("davinci"), Equals("text-davinci-001")]), prices: &[
            Price { input: Some(20_000_000_000_000), output: Some(20_000_000_000_000), ..NONE },
        ] },
        Listing { id: "openai/davinci-002", rule: Equals("davinci-002"), prices: &[
            Price { input: Some(2_000_000_000_000), output: Some(2_000_000_000_000), ..NONE },
        ] },
        Listing { id: "openai/ft:gpt-3.5-turbo-", rule: StartsWith("ft:gpt-3.5-turbo"), prices: &[
            Price { input: Some(3_000_000_000_000), output: Some(6_000_000_000_000), ..NONE },
        ] },
        Listing { id: "openai/ft:gpt-4o", rule: StartsWith("ft:gpt-4o-2024-"), prices: &[
            Price { input: Some(3_750_000_000_000), output: Some(15_000_000_000_000), ..NONE },
        ] },
        Listing { id: "openai/ft:gpt-4o-mini", rule: StartsWith("ft:gpt-4o-mini-2024-"), prices: &[
            Price { input: Some(300_000_000_000), output: Some(1_200_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-3.5-0301", rule: AnyOf(&[Equals("gpt-3.5-turbo-0301"), Equals("gpt-3.5-0301")]), prices: &[
            Price { input: Some(1_500_000_000_000), output: Some(2_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-3.5-turbo", rule: AnyOf(&[Equals("gpt-3.5-turbo"), Equals("gpt-35-turbo"), Equals("gpt-3.5-turbo-0125")]), prices: &[
            Price { input: Some(500_000_000_000), output: Some(1_500_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-3.5-turbo-0613", rule: Equals("gpt-3.5-turbo-0613"), prices: &[
            Price { input: Some(1_500_000_000_000), output: Some(2_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-3.5-turbo-1106", rule: Equals("gpt-3.5-turbo-1106"), prices: &[
            Price { input: Some(1_000_000_000_000), output: Some(2_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-3.5-turbo-16k", rule: AnyOf(&[Equals("gpt-3.5-turbo-16k"), Equals("gpt-3.5-turbo-16k-0613"), Equals("gpt-35-turbo-16k-0613"), Equals("gpt-35-turbo-16k")]), prices: &[
            Price { input: Some(3_000_000_000_000), output: Some(4_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-3.5-turbo-instruct", rule: AnyOf(&[StartsWith("gpt-3.5-turbo-instruct"), Equals("gpt-3.5-turbo-instruct-0914")]), prices: &[
            Price { input: Some(1_500_000_000_000), output: Some(2_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-4", rule: AnyOf(&[Equals("gpt-4"), Equals("gpt-4-0314"), Equals("gpt-4-0613"), StartsWith("ft:gpt-4-0")]), prices: &[
            Price { input: Some(30_000_000_000_000), output: Some(60_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-4-32k", rule: AnyOf(&[Equals("gpt-4-32k"), Equals("gpt-4-32k-0314"), Equals("gpt-4-32k-0613")]), prices: &[
            Price { input: Some(60_000_000_000_000), output: Some(120_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-4-turbo", rule: AnyOf(&[Equals("gpt-4-turbo"), Equals("gpt-4-turbo-2024-04-09"), Equals("gpt-4-turbo-0125-preview"), Equals("gpt-4-0125-preview"), Equals("gpt-4-1106-preview"), Equals("gpt-4-turbo-preview")]), prices: &[
            Price { input: Some(10_000_000_000_000), output: Some(30_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-4-vision-preview", rule: AnyOf(&[Equals("gpt-4-vision-preview"), Equals("gpt-4-1106-vision-preview")]), prices: &[
            Price { input: Some(10_000_000_000_000), output: Some(30_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-4.1", rule: AnyOf(&[Equals("gpt-4.1"), Equals("gpt-4.1-2025-04-14")]), prices: &[
            Price { input: Some(2_000_000_000_000), cached_input: Some(500_000_000_000), output: Some(8_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-4.1-mini", rule: AnyOf(&[Equals("gpt-4.1-mini"), Equals("gpt-4.1-mini-2025-04-14")]), prices: &[
            Price { input: Some(400_000_000_000), cached_input: Some(100_000_000_000), output: Some(1_600_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-4.1-nano", rule: AnyOf(&[Equals("gpt-4.1-nano"), Equals("gpt-4.1-nano-2025-04-14")]), prices: &[
            Price { input: Some(100_000_000_000), cached_input: Some(25_000_000_000), output: Some(400_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-4.5-preview", rule: StartsWith("gpt-4.5-preview"), prices: &[
            Price { input: Some(75_000_000_000_000), cached_input: Some(37_500_000_000_000), output: Some(150_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-4o", rule: AnyOf(&[Equals("gpt-4o"), Equals("gpt-4o-2024-08-06"), Equals("gpt-4o-2024-11-20")]), prices: &[
            Price { input: Some(2_500_000_000_000), cached_input: Some(1_250_000_000_000), output: Some(10_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-4o-2024-05-13", rule: Equals("gpt-4o-2024-05-13"), prices: &[
            Price { input: Some(5_000_000_000_000), output: Some(15_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-4o-audio-preview", rule: StartsWith("gpt-4o-audio-preview"), prices: &[
            Price { input: Some(2_500_000_000_000), output: Some(10_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-4o-mini", rule: AnyOf(&[Equals("gpt-4o-mini"), Equals("gpt-4o-mini-2024-07-18"), Equals("gpt-4o-mini-search-preview"), Equals("gpt-4o-mini-search-preview-2025-03-11")]), prices: &[
            Price { input: Some(150_000_000_000), cached_input: Some(75_000_000_000), output: Some(600_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-4o-mini-2024-07-18.ft-", rule: StartsWith("gpt-4o-mini-2024-07-18.ft-"), prices: &[
            Price { input: Some(300_000_000_000), output: Some(1_200_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-4o-mini-audio-preview", rule: StartsWith("gpt-4o-mini-audio"), prices: &[
            Price { input: Some(150_000_000_000), output: Some(600_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-4o-mini-realtime-preview", rule: StartsWith("gpt-4o-mini-realtime"), prices: &[
            Price { input: Some(600_000_000_000), cached_input: Some(300_000_000_000), output: Some(2_400_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-4o-mini-transcribe", rule: Equals("gpt-4o-mini-transcribe"), prices: &[
            Price { input: Some(1_250_000_000_000), output: Some(5_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-4o-mini-tts", rule: Equals("gpt-4o-mini-tts"), prices: &[
            Price { input: Some(600_000_000_000), output: Some(12_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-4o-realtime-preview", rule: StartsWith("gpt-4o-realtime"), prices: &[
            Price { input: Some(5_000_000_000_000), cached_input: Some(2_500_000_000_000), output: Some(20_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-4o-search-preview", rule: AnyOf(&[Equals("gpt-4o-search-preview"), Equals("gpt-4o-search-preview-2025-03-11")]), prices: &[
            Price { input: Some(2_500_000_000_000), output: Some(10_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-4o-transcribe", rule: AnyOf(&[Equals("gpt-4o-transcribe"), Equals("gpt-4o-transcribe-diarize")]), prices: &[
            Price { input: Some(2_500_000_000_000), output: Some(10_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-4o:extended", rule: Equals("gpt-4o:extended"), prices: &[
            Price { input: Some(6_000_000_000_000), output: Some(18_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-5", rule: AnyOf(&[Equals("gpt-5"), Equals("gpt-5-2025-08-07"), Equals("gpt-5-chat"), Equals("gpt-5-chat-latest"), Equals("gpt-5-codex")]), prices: &[
            Price { input: Some(1_250_000_000_000), cached_input: Some(125_000_000_000), output: Some(10_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-5-image", rule: Equals("gpt-5-image"), prices: &[
            Price { input: Some(10_000_000_000_000), cached_input: Some(1_250_000_000_000), output: Some(10_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-5-image-mini", rule: Equals("gpt-5-image-mini"), prices: &[
            Price { input: Some(2_500_000_000_000), cached_input: Some(250_000_000_000), output: Some(2_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-5-mini", rule: AnyOf(&[Equals("gpt-5-mini"), Equals("gpt-5-mini-2025-08-07")]), prices: &[
            Price { input: Some(250_000_000_000), cached_input: Some(25_000_000_000), output: Some(2_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-5-nano", rule: AnyOf(&[Equals("gpt-5-nano"), StartsWith("gpt-5-nano-")]), prices: &[
            Price { input: Some(50_000_000_000), cached_input: Some(5_000_000_000), output: Some(400_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-5-pro", rule: AnyOf(&[Equals("gpt-5-pro"), Equals("gpt-5-pro-2025-10-06")]), prices: &[
            Price { input: Some(15_000_000_000_000), output: Some(120_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-5-search-api", rule: Equals("gpt-5-search-api"), prices: &[
            Price { input: Some(1_250_000_000_000), cached_input: Some(125_000_000_000), output: Some(10_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-5.1", rule: AnyOf(&[Equals("gpt-5.1"), Equals("gpt-5.1-2025-11-13"), Equals("gpt-5.1-codex"), Equals("gpt-5.1-codex-max"), Equals("gpt-5.1-chat"), Equals("gpt-5.1-chat-latest"), Equals("gpt-5-1"), Equals("gpt-5-1-2025-11-13"), Equals("gpt-5-1-codex"), Equals("gpt-5-1-codex-max"), Equals("gpt-5-1-chat"), Equals("gpt-5-1-chat-latest")]), prices: &[
            Price { input: Some(1_250_000_000_000), cached_input: Some(125_000_000_000), output: Some(10_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-5.1-codex-mini", rule: AnyOf(&[Equals("gpt-5.1-codex-mini"), Equals("gpt-5.1-mini"), Equals("gpt-5-1-codex-mini"), Equals("gpt-5-1-mini")]), prices: &[
            Price { input: Some(250_000_000_000), cached_input: Some(25_000_000_000), output: Some(2_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-5.2", rule: AnyOf(&[Equals("gpt-5.2"), Equals("gpt-5.2-2025-12-11"), Equals("gpt-5-2"), Equals("gpt-5-2-2025-12-11"), Equals("gpt-5.2-chat"), Equals("gpt-5.2-chat-latest"), Equals("gpt-5-2-chat"), Equals("gpt-5-2-chat-latest"), Equals("gpt-5.2-codex"), Equals("gpt-5-2-codex")]), prices: &[
            Price { input: Some(1_750_000_000_000), cached_input: Some(175_000_000_000), output: Some(14_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-5.2-pro", rule: AnyOf(&[Equals("gpt-5.2-pro"), Equals("gpt-5.2-pro-2025-12-11"), Equals("gpt-5-2-pro-2025-12-11")]), prices: &[
            Price { input: Some(21_000_000_000_000), output: Some(168_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-5.3", rule: AnyOf(&[Equals("gpt-5.3"), Equals("gpt-5-3"), Equals("gpt-5.3-chat"), Equals("gpt-5.3-chat-latest"), Equals("gpt-5-3-chat"), Equals("gpt-5-3-chat-latest")]), prices: &[
            Price { input: Some(1_750_000_000_000), cached_input: Some(175_000_000_000), output: Some(14_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-5.3-codex", rule: AnyOf(&[Equals("gpt-5.3-codex"), Equals("gpt-5-3-codex")]), prices: &[
            Price { input: Some(1_750_000_000_000), cached_input: Some(175_000_000_000), output: Some(14_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-5.4", rule: AnyOf(&[Equals("gpt-5.4"), Equals("gpt-5.4-2026-03-05"), Equals("gpt-5-4"), Equals("gpt-5-4-2026-03-05")]), prices: &[
            Price { input: Some(2_500_000_000_000), cached_input: Some(250_000_000_000), output: Some(15_000_000_000_000), ..NONE },
            Price { above: Some(272_000), input: Some(5_000_000_000_000), cached_input: Some(500_000_000_000), output: Some(22_500_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-5.4-image-2", rule: Equals("gpt-5.4-image-2"), prices: &[
            Price { input: Some(8_000_000_000_000), cached_input: Some(2_000_000_000_000), output: Some(15_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-5.4-mini", rule: AnyOf(&[Equals("gpt-5.4-mini"), Equals("gpt-5.4-mini-2026-03-17"), Equals("gpt-5-4-mini"), Equals("gpt-5-4-mini-2026-03-17")]), prices: &[
            Price { input: Some(750_000_000_000), cached_input: Some(75_000_000_000), output: Some(4_500_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-5.4-nano", rule: AnyOf(&[Equals("gpt-5.4-nano"), Equals("gpt-5.4-nano-2026-03-17"), Equals("gpt-5-4-nano"), Equals("gpt-5-4-nano-2026-03-17")]), prices: &[
            Price { input: Some(200_000_000_000), cached_input: Some(20_000_000_000), output: Some(1_250_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-5.4-pro", rule: AnyOf(&[Equals("gpt-5.4-pro"), Equals("gpt-5.4-pro-2026-03-05"), Equals("gpt-5-4-pro"), Equals("gpt-5-4-pro-2026-03-05")]), prices: &[
            Price { input: Some(30_000_000_000_000), output: Some(180_000_000_000_000), ..NONE },
            Price { above: Some(272_000), input: Some(60_000_000_000_000), output: Some(270_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-5.5", rule: AnyOf(&[Equals("gpt-5.5"), Equals("gpt-5.5-2026-04-23"), Equals("gpt-5.5-2026-04-24"), Equals("gpt-5-5"), Equals("gpt-5-5-2026-04-23"), Equals("gpt-5-5-2026-04-24"), Equals("gpt-5.5-chat"), Equals("gpt-5.5-chat-latest"), Equals("gpt-5-5-chat"), Equals("gpt-5-5-chat-latest"), Equals("gpt-5.5-codex"), Equals("gpt-5-5-codex")]), prices: &[
            Price { input: Some(5_000_000_000_000), cached_input: Some(500_000_000_000), output: Some(30_000_000_000_000), ..NONE },
            Price { above: Some(272_000), input: Some(10_000_000_000_000), cached_input: Some(1_000_000_000_000), output: Some(45_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-5.5-cyber", rule: Equals("gpt-5.5-cyber"), prices: &[
            Price { input: Some(12_500_000_000_000), output: Some(75_000_000_000_000), ..NONE },
            Price { from: date(2026, 10, 19), input: Some(12_500_000_000_000), cached_input: Some(1_250_000_000_000), output: Some(75_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-5.5-pro", rule: AnyOf(&[Equals("gpt-5.5-pro"), Equals("gpt-5.5-pro-2026-04-23"), Equals("gpt-5-5-pro"), Equals("gpt-5-5-pro-2026-04-23")]), prices: &[
            Price { input: Some(30_000_000_000_000), output: Some(180_000_000_000_000), ..NONE },
            Price { above: Some(272_000), input: Some(60_000_000_000_000), output: Some(270_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-5.6-cyber", rule: Equals("gpt-5.6-cyber"), prices: &[
            Price { input: Some(12_500_000_000_000), cached_input: Some(1_250_000_000_000), cache_write: Some(15_625_000_000_000), output: Some(75_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-5.6-luna", rule: AnyOf(&[Equals("gpt-5.6-luna"), Equals("gpt-5-6-luna"), Matches(&[Text("gpt-5.6-luna-"), Run(Digit, 4, 4), Text("-"), Run(Digit, 2, 2), Text("-"), Run(Digit, 2, 2), End]), Matches(&[Text("gpt-5-6-luna-"), Run(Digit, 4, 4), Text("-"), Run(Digit, 2, 2), Text("-"), Run(Digit, 2, 2), End])]), prices: &[
            Price { input: Some(1_000_000_000_000), cached_input: Some(100_000_000_000), cache_write: Some(1_250_000_000_000), output: Some(6_000_000_000_000), ..NONE },
            Price { above: Some(272_000), input: Some(2_000_000_000_000), cached_input: Some(200_000_000_000), cache_write: Some(2_500_000_000_000), output: Some(9_000_000_000_000), ..NONE },
            Price { from: date(2026, 7, 30), input: Some(200_000_000_000), cached_input: Some(20_000_000_000), cache_write: Some(250_000_000_000), output: Some(1_200_000_000_000), ..NONE },
            Price { from: date(2026, 7, 30), above: Some(272_000), input: Some(400_000_000_000), cached_input: Some(40_000_000_000), cache_write: Some(500_000_000_000), output: Some(1_800_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-5.6-sol", rule: AnyOf(&[Equals("gpt-5.6-sol"), Equals("gpt-5-6-sol"), Equals("gpt-5.6"), Equals("gpt-5-6"), Matches(&[Text("gpt-5.6-sol-"), Run(Digit, 4, 4), Text("-"), Run(Digit, 2, 2), Text("-"), Run(Digit, 2, 2), End]), Matches(&[Text("gpt-5-6-sol-"), Run(Digit, 4, 4), Text("-"), Run(Digit, 2, 2), Text("-"), Run(Digit, 2, 2), End])]), prices: &[
            Price { input: Some(5_000_000_000_000), cached_input: Some(500_000_000_000), cache_write: Some(6_250_000_000_000), output: Some(30_000_000_000_000), ..NONE },
            Price { above: Some(272_000), input: Some(10_000_000_000_000), cached_input: Some(1_000_000_000_000), cache_write: Some(12_500_000_000_000), output: Some(45_000_000_000_000), ..NONE },
            Price { from: date(2026, 8, 21), input: Some(4_000_000_000_000), cached_input: Some(400_000_000_000), cache_write: Some(5_000_000_000_000), output: Some(20_000_000_000_000), ..NONE },
            Price { from: date(2026, 8, 21), above: Some(272_000), input: Some(8_000_000_000_000), cached_input: Some(800_000_000_000), cache_write: Some(10_000_000_000_000), output: Some(30_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-5.6-terra", rule: AnyOf(&[Equals("gpt-5.6-terra"), Equals("gpt-5-6-terra"), Matches(&[Text("gpt-5.6-terra-"), Run(Digit, 4, 4), Text("-"), Run(Digit, 2, 2), Text("-"), Run(Digit, 2, 2), End]), Matches(&[Text("gpt-5-6-terra-"), Run(Digit, 4, 4), Text("-"), Run(Digit, 2, 2), Text("-"), Run(Digit, 2, 2), End])]), prices: &[
            Price { input: Some(2_500_000_000_000), cached_input: Some(250_000_000_000), cache_write: Some(3_125_000_000_000), output: Some(15_000_000_000_000), ..NONE },
            Price { above: Some(272_000), input: Some(5_000_000_000_000), cached_input: Some(500_000_000_000), cache_write: Some(6_250_000_000_000), output: Some(22_500_000_000_000), ..NONE },
            Price { from: date(2026, 7, 30), input: Some(2_000_000_000_000), cached_input: Some(200_000_000_000), cache_write: Some(2_500_000_000_000), output: Some(12_000_000_000_000), ..NONE },
            Price { from: date(2026, 7, 30), above: Some(272_000), input: Some(4_000_000_000_000), cached_input: Some(400_000_000_000), cache_write: Some(5_000_000_000_000), output: Some(18_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-6-astra", rule: AnyOf(&[Equals("gpt-6-astra"), Matches(&[Text("gpt-6-astra-"), Run(Digit, 4, 4), Text("-"), Run(Digit, 2, 2), Text("-"), Run(Digit, 2, 2), End])]), prices: &[
            Price { input: Some(10_000_000_000_000), cached_input: Some(1_000_000_000_000), cache_write: Some(12_500_000_000_000), output: Some(50_000_000_000_000), ..NONE },
            Price { above: Some(272_000), input: Some(20_000_000_000_000), cached_input: Some(2_000_000_000_000), cache_write: Some(25_000_000_000_000), output: Some(75_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-6-luna", rule: AnyOf(&[Equals("gpt-6-luna"), Matches(&[Text("gpt-6-luna-"), Run(Digit, 4, 4), Text("-"), Run(Digit, 2, 2), Text("-"), Run(Digit, 2, 2), End])]), prices: &[
            Price { input: Some(100_000_000_000), cached_input: Some(10_000_000_000), cache_write: Some(125_000_000_000), output: Some(500_000_000_000), ..NONE },
            Price { above: Some(272_000), input: Some(200_000_000_000), cached_input: Some(20_000_000_000), cache_write: Some(250_000_000_000), output: Some(750_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-6-sol", rule: AnyOf(&[Equals("gpt-6-sol"), Matches(&[Text("gpt-6-sol-"), Run(Digit, 4, 4), Text("-"), Run(Digit, 2, 2), Text("-"), Run(Digit, 2, 2), End])]), prices: &[
            Price { input: Some(2_000_000_000_000), cached_input: Some(200_000_000_000), cache_write: Some(2_500_000_000_000), output: Some(10_000_000_000_000), ..NONE },
            Price { above: Some(272_000), input: Some(4_000_000_000_000), cached_input: Some(400_000_000_000), cache_write: Some(5_000_000_000_000), output: Some(15_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-6.1-sol", rule: AnyOf(&[Equals("gpt-6.1-sol"), Matches(&[Text("gpt-6.1-sol-"), Run(Digit, 4, 4), Text("-"), Run(Digit, 2, 2), Text("-"), Run(Digit, 2, 2), End])]), prices: &[
            Price { input: Some(2_000_000_000_000), cached_input: Some(100_000_000_000), cache_write: Some(2_500_000_000_000), output: Some(10_000_000_000_000), ..NONE },
            Price { above: Some(272_000), input: Some(4_000_000_000_000), cached_input: Some(200_000_000_000), cache_write: Some(5_000_000_000_000), output: Some(15_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-6.1-terra", rule: AnyOf(&[Equals("gpt-6.1-terra"), Matches(&[Text("gpt-6.1-terra-"), Run(Digit, 4, 4), Text("-"), Run(Digit, 2, 2), Text("-"), Run(Digit, 2, 2), End])]), prices: &[
            Price { input: Some(1_000_000_000_000), cached_input: Some(50_000_000_000), cache_write: Some(1_250_000_000_000), output: Some(5_000_000_000_000), ..NONE },
            Price { above: Some(272_000), input: Some(2_000_000_000_000), cached_input: Some(100_000_000_000), cache_write: Some(2_500_000_000_000), output: Some(7_500_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-audio", rule: AnyOf(&[Equals("gpt-audio"), Equals("gpt-audio-2025-08-28"), Equals("gpt-audio-1.5")]), prices: &[
            Price { input: Some(2_500_000_000_000), output: Some(10_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-audio-mini", rule: AnyOf(&[Equals("gpt-audio-mini"), Equals("gpt-audio-mini-2025-10-06"), Equals("gpt-audio-mini-2025-12-15")]), prices: &[
            Price { input: Some(600_000_000_000), output: Some(2_400_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-chat-latest", rule: AnyOf(&[Equals("gpt-chat-latest"), Equals("chat-latest")]), prices: &[
            Price { input: Some(5_000_000_000_000), cached_input: Some(500_000_000_000), output: Some(30_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-image-1", rule: Equals("gpt-image-1"), prices: &[
            Price { input: Some(5_000_000_000_000), cached_input: Some(1_250_000_000_000), output: Some(40_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-image-1-mini", rule: AnyOf(&[Equals("gpt-image-1-mini")]), prices: &[
            Price { input: Some(2_000_000_000_000), cached_input: Some(200_000_000_000), output: Some(8_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-image-1.5", rule: AnyOf(&[Equals("gpt-image-1.5"), Equals("gpt-image-1.5-2025-12-16")]), prices: &[
            Price { input: Some(5_000_000_000_000), cached_input: Some(1_250_000_000_000), output: Some(10_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-image-2", rule: AnyOf(&[Equals("gpt-image-2"), Equals("gpt-image-2-2026-04-21")]), prices: &[
            Price { input: Some(5_000_000_000_000), cached_input: Some(1_250_000_000_000), output: Some(30_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-image-2.5-flare", rule: AnyOf(&[Equals("gpt-image-2.5-flare"), Equals("gpt-image-2.5-flare-2026-09-08")]), prices: &[
            Price { input: Some(5_000_000_000_000), cached_input: Some(1_250_000_000_000), output: Some(30_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-image-2.5-sunburst", rule: AnyOf(&[Equals("gpt-image-2.5-sunburst"), Equals("gpt-image-2.5-sunburst-2026-09-08")]), prices: &[
            Price { input: Some(5_000_000_000_000), cached_input: Some(1_250_000_000_000), output: Some(30_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-live-1", rule: Equals("gpt-live-1"), prices: &[
            NONE,
        ] },
        Listing { id: "gpt-live-transcribe", rule: Equals("gpt-live-transcribe"), prices: &[
            NONE,
        ] },
        Listing { id: "gpt-oss-120b", rule: Equals("gpt-oss-120b"), prices: &[
            Price { input: Some(39_000_000_000), output: Some(180_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-oss-20b", rule: Equals("gpt-oss-20b"), prices: &[
            Price { input: Some(29_000_000_000), output: Some(140_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-oss-safeguard-20b", rule: Equals("gpt-oss-safeguard-20b"), prices: &[
            Price { input: Some(75_000_000_000), cached_input: Some(37_000_000_000), output: Some(300_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-realtime", rule: AnyOf(&[Equals("gpt-realtime"), Equals("gpt-realtime-2025-08-28"), Equals("gpt-realtime-1.5")]), prices: &[
            Price { input: Some(4_000_000_000_000), cached_input: Some(400_000_000_000), output: Some(16_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-realtime-2", rule: AnyOf(&[Equals("gpt-realtime-2"), Equals("gpt-realtime-2.1")]), prices: &[
            Price { input: Some(4_000_000_000_000), cached_input: Some(400_000_000_000), output: Some(24_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-realtime-mini", rule: AnyOf(&[Equals("gpt-realtime-mini"), Equals("gpt-realtime-2.1-mini"), Equals("gpt-realtime-mini-2025-12-15"), Equals("gpt-realtime-mini-2025-10-06")]), prices: &[
            Price { input: Some(600_000_000_000), cached_input: Some(60_000_000_000), output: Some(2_400_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-realtime-translate", rule: Equals("gpt-realtime-translate"), prices: &[
            NONE,
        ] },
        Listing { id: "gpt-realtime-whisper", rule: Equals("gpt-realtime-whisper"), prices: &[
            NONE,
        ] },
        Listing { id: "gpt-rosalind-discovery", rule: Equals("gpt-rosalind-discovery"), prices: &[
            Price { input: Some(5_000_000_000_000), cached_input: Some(500_000_000_000), output: Some(25_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-rosalind-research", rule: Equals("gpt-rosalind-research"), prices: &[
            Price { input: Some(5_000_000_000_000), cached_input: Some(500_000_000_000), output: Some(25_000_000_000_000), ..NONE },
        ] },
        Listing { id: "gpt-transcribe", rule: Equals("gpt-transcribe"), prices: &[
            NONE,
        ] },
        Listing { id: "openai/moderation", rule: Contains("moderation"), prices: &[
            NONE,
        ] },
        Listing { id: "o1", rule: AnyOf(&[Equals("o1"), Equals("o1-2024-12-17")]), prices: &[
            Price { input: Some(15_000_000_000_000), cached_input: Some(7_500_000_000_000), output: Some(60_000_000_000_000), ..NONE },
        ] },
        Listing { id: "o1-mini", rule: AnyOf(&[Equals("o1-mini"), Equals("o1-mini-2024-09-12")]), prices: &[
            Price { input: Some(1_100_000_000_000), cached_input: Some(550_000_000_000), output: Some(4_400_000_000_000), ..NONE },
        ] },
        Listing { id: "o1-preview", rule: AnyOf(&[Equals("o1-preview"), Equals("o1-preview-2024-09-12")]), prices: &[
            Price { input: Some(15_000_000_000_000), cached_input: Some(7_500_000_000_000), output: Some(60_000_000_000_000), ..NONE },
        ] },
        Listing { id: "o1-pro", rule: AnyOf(&[Equals("o1-pro"), Equals("o1-pro-2025-03-19")]), prices: &[
            Price { input: Some(150_000_000_000_000), output: Some(600_000_000_000_000), ..NONE },
        ] },
        Listing { id: "o3", rule: AnyOf(&[Equals("o3"), Equals("o3-2025-04-16")]), prices: &[
            Price { input: Some(10_000_000_000_000), cached_input: Some(500_000_000_000), output: Some(40_000_000_000_000), ..NONE },
            Price { from: date(2025, 6, 10), input: Some(2_000_000_000_000), cached_input: Some(500_000_000_000), output: Some(8_000_000_000_000), ..NONE },
        ] },
        Listing { id: "o3-deep-research", rule: AnyOf(&[Equals("o3-deep-research"), Equals("o3-deep-research-2025-06-26")]), prices: &[
            Price { input: Some(10_000_000_000_000), cached_input: Some(2_500_000_000_000), output: Some(40_000_000_000_000), ..NONE },
        ] },
        Listing { id: "o3-mini", rule: AnyOf(&[Equals("o3-mini"), Equals("o3-mini-2025-01-31"), Equals("o3-mini-high")]), prices: &[
            Price { input: Some(1_100_000_000_000), cached_input: Some(550_000_000_000), output: Some(4_400_000_000_000), ..NONE },
        ] },
        Listing { id: "o3-pro", rule: AnyOf(&[Equals("o3-pro"), Equals("o3-pro-2025-06-10")]), prices: &[
            Price { input: Some(20_000_000_000_000), output: Some(80_000_000_000_000), ..NONE },
        ] },
        Listing { id: "o4-mini", rule: AnyOf(&[Equals("o4-mini-2025-04-16"), Equals("o4-mini-high"), Equals("o4-mini")]), prices: &[
            Price { input: Some(1_100_000_000_000), cached_input: Some(275_000_000_000), output: Some(4_400_000_000_000), ..NONE },
        ] },
        Listing { id: "o4-mini-deep-research", rule: AnyOf(&[Equals("o4-mini-deep-research"), Equals("o4-mini-deep-research-2025-06-26")]), prices: &[
            Price { input: Some(2_000_000_000_000), cached_input: Some(500_000_000_000), output: Some(8_000_000_000_000), ..NONE },
        ] },
        Listing { id: "openai/text-davinci-002", rule: Equals("text-davinci-002"), prices: &[
            Price { input: Some(20_000_000_000_000), output: Some(20_000_000_000_000), ..NONE },
        ] },
        Listing { id: "openai/text-davinci-003", rule: Equals("text-davinci-003"), prices: &[
            Price { input: Some(20_000_000_000_000), output: Some(20_000_000_000_000), ..NONE },
        ] },
        Listing { id: "openai/text-embedding-3-large", rule: Equals("text-embedding-3-large"), prices: &[
            Price { input: Some(130_000_000_000), ..NONE },
        ] },
        Listing { id: "openai/text-embedding-3-small", rule: Equals("text-embedding-3-small"), prices: &[
            Price { input: Some(20_000_000_000), ..NONE },
        ] },
        Listing { id: "openai/text-embedding-ada-002", rule: AnyOf(&[Equals("text-embedding-ada"), Equals("text-embedding-ada-002"), Equals("text-embedding-ada-002-v2")]), prices: &[
            Price { input: Some(100_000_000_000), ..NONE },
        ] },
        Listing { id: "tts-1", rule: Equals("tts-1"), prices: &[
            NONE,
        ] },
        Listing { id: "tts-1-hd", rule: Equals("tts-1-hd"), prices: &[
            NONE,
        ] },
        Listing { id: "whisper-1", rule: Equals("whisper-1"), prices: &[
            NONE,
        ] },
    ] },
    Provider { id: "typesafe", rule: StartsWith("jev-"), fallbacks: &[], listings: &[
        Listing { id: "jev-1.13.0", rule: Equals("jev-1.13.0"), prices: &[
            Price { input: Some(42_000_000_000), ..NONE },
        ] },
        Listing { id: "jev-1.14.0", rule: AnyOf(&[Equals("jev-1.14.0"), Equals("jev-preview"), Equals("jev-latest")]), prices: &[
            Price { input: Some(42_000_000_000), ..NONE },
        ] },
    ] },
    Provider { id: "voyageai", rule: StartsWith("voyage-"), fallbacks: &[], listings: &[
        Listing { id: "voyage-01", rule: Equals("voyage-01"), prices: &[
            Price { input: Some(100_000_000_000), ..NONE },
        ] },
        Listing { id: "voyage-02", rule: Equals("voyage-02"), prices: &[
            Price { input: Some(100_000_000_000), ..NONE },
        ] },
        Listing { id: "voyage-2", rule: Equals("voyage-2"), prices: &[
            Price { input: Some(100_000_000_000), ..NONE },
        ] },
        Listing { id: "voyage-3", rule: Equals("voyage-3"), prices: &[
            Price { input: Some(60_000_000_000), ..NONE },
        ] },
        Listing { id: "voyage-3-large", rule: Equals("voyage-3-large"), prices: &[
            Price { input: Some(180_000_000_000), ..NONE },
        ] },
        Listing { id: "voyage-3-lite", rule: Equals("voyage-3-lite"), prices: &[
            Price { input: Some(20_000_000_000), ..NONE },
        ] },
        Listing { id: "voyage-3.5", rule: Equals("voyage-3.5"), prices: &[
            Price { input: Some(60_000_000_000), ..NONE },
        ] },
        Listing { id: "voyage-3.5-lite", rule: Equals("voyage-3.5-lite"), prices: &[
            Price { input: Some(20_000_000_000), ..NONE },
        ] },
        Listing { id: "voyage-4", rule: Equals("voyage-4"), prices: &[
            Price { input: Some(60_000_000_000), ..NONE },
        ] },
        Listing { id: "voyage-4-large", rule: Equals("voyage-4-large"), prices: &[
            Price { input: Some(120_000_000_000), ..NONE },
        ] },
        Listing { id: "voyage-4-lite", rule: Equals("voyage-4-lite"), prices: &[
            Price { input: Some(20_000_000_000), ..NONE },
        ] },
        Listing { id: "voyage-code-2", rule: Equals("voyage-code-2"), prices: &[
            Price { input: Some(120_000_000_000), ..NONE },
        ] },
        Listing { id: "voyage-code-3", rule: Equals("voyage-code-3"), prices: &[
            Price { input: Some(180_000_000_000), ..NONE },
        ] },
        Listing { id: "voyage-code-4", rule: Equals("voyage-code-4"), prices: &[
            Price { input: Some(120_000_000_000), ..NONE },
        ] },
        Listing { id: "voyage-context-3", rule: Equals("voyage-context-3"), prices: &[
            Price { input: Some(180_000_000_000), ..NONE },
        ] },
        Listing { id: "voyage-context-4", rule: Equals("voyage-context-4"), prices: &[
            Price { input: Some(120_000_000_000), ..NONE },
        ] },
        Listing { id: "voyage-finance-2", rule: Equals("voyage-finance-2"), prices: &[
            Price { input: Some(120_000_000_000), ..NONE },
        ] },
        Listing { id: "voyage-large-2", rule: Equals("voyage-large-2"), prices: &[
            Price { input: Some(120_000_000_000), ..NONE },
        ] },
        Listing { id: "voyage-large-2-instruct", rule: Equals("voyage-large-2-instruct"), prices: &[
            Price { input: Some(120_000_000_000), ..NONE },
        ] },
        Listing { id: "voyage-law-2", rule: Equals("voyage-law-2"), prices: &[
            Price { input: Some(120_000_000_000), ..NONE },
        ] },
        Listing { id: "voyage-lite-01", rule: Equals("voyage-lite-01"), prices: &[
            Price { input: Some(100_000_000_000), ..NONE },
        ] },
        Listing { id: "voyage-lite-01-instruct", rule: Equals("voyage-lite-01-instruct"), prices: &[
            Price { input: Some(100_000_000_000), ..NONE },
        ] },
        Listing { id: "voyage-lite-02-instruct", rule: Equals("voyage-lite-02-instruct"), prices: &[
            Price { input: Some(100_000_000_000), ..NONE },
        ] },
        Listing { id: "voyage-multilingual-2", rule: Equals("voyage-multilingual-2"), prices: &[
            Price { input: Some(120_000_000_000), ..NONE },
        ] },
    ] },
    Provider { id: "x-ai", rule: Contains("grok"), fallbacks: &[], listings: &[
        Listing { id: "grok-2-1212", rule: AnyOf(&[Equals("grok-2-1212"), Equals("grok-2"), Equals("grok-2-latest")]), prices: &[
            Price { input: Some(2_000_000_000_000), output: Some(10_000_000_000_000), ..NONE },
        ] },
        Listing { id: "grok-2-vision-1212", rule: AnyOf(&[Equals("grok-2-vision-1212"), Equals("grok-2-vision"), Equals("grok-2-vision-latest")]), prices: &[
            Price { input: Some(2_000_000_000_000), output: Some(10_000_000_000_000), ..NONE },
        ] },
        Listing { id: "grok-3", rule: AnyOf(&[Equals("grok-3"), Equals("grok-3-latest"), Equals("grok-3-beta")]), prices: &[
            Price { input: Some(3_000_000_000_000), cached_input: Some(750_000_000_000), output: Some(15_000_000_000_000), ..NONE },
        ] },
        Listing { id: "grok-3-fast", rule: AnyOf(&[Equals("grok-3-fast"), Equals("grok-3-fast-latest"), Equals("grok-3-fast-beta")]), prices: &[
            Price { input: Some(5_000_000_000_000), cached_input: Some(1_250_000_000_000), output: Some(25_000_000_000_000), ..NONE },
        ] },
        Listing { id: "grok-3-mini", rule: AnyOf(&[Equals("grok-3-mini"), Equals("grok-3-mini-beta"), Equals("grok-3-mini-latest")]), prices: &[
            Price { input: Some(300_000_000_000), cached_input: Some(75_000_000_000), output: Some(500_000_000_000), ..NONE },
        ] },
        Listing { id: "grok-3-mini-fast", rule: AnyOf(&[Equals("grok-3-mini-fast"), Equals("grok-3-mini-fast-beta"), Equals("grok-3-mini-fast-latest")]), prices: &[
            Price { input: Some(600_000_000_000), cached_input: Some(150_000_000_000), output: Some(4_000_000_000_000), ..NONE },
        ] },
        Listing { id: "grok-4-0709", rule: AnyOf(&[Equals("grok-4-0709"), Equals("grok-4"), Equals("grok-4-latest")]), prices: &[
            Price { input: Some(3_000_000_000_000), cached_input: Some(750_000_000_000), output: Some(15_000_000_000_000), ..NONE },
        ] },
        Listing { id: "grok-4-1-fast-non-reasoning", rule: AnyOf(&[Equals("grok-4-1-fast-non-reasoning"), Equals("grok-4-1-fast-non-reasoning-latest")]), prices: &[
            Price { input: Some(200_000_000_000), cached_input: Some(50_000_000_000), output: Some(500_000_000_000), ..NONE },
        ] },
        Listing { id: "grok-4-1-fast-reasoning", rule: AnyOf(&[Equals("grok-4-1-fast"), Equals("grok-4-1-fast-reasoning"), Equals("grok-4-1-fast-reasoning-latest")]), prices: &[
            Price { input: Some(200_000_000_000), cached_input: Some(50_000_000_000), output: Some(500_000_000_000), ..NONE },
        ] },
        Listing { id: "grok-4-fast-non-reasoning", rule: AnyOf(&[Equals("grok-4-fast-non-reasoning"), Equals("grok-4-fast-non-reasoning-latest")]), prices: &[
            Price { input: Some(200_000_000_000), cached_input: Some(50_000_000_000), output: Some(500_000_000_000), ..NONE },
        ] },
        Listing { id: "grok-4-fast-reasoning", rule: AnyOf(&[Equals("grok-4-fast"), Equals("grok-4-fast-reasoning"), Equals("grok-4-fast-reasoning-latest")]), prices: &[
            Price { input: Some(200_000_000_000), cached_input: Some(50_000_000_000), output: Some(500_000_000_000), ..NONE },
        ] },
        Listing { id: "grok-4.20", rule: AnyOf(&[Equals("grok-4.20"), Equals("grok-4.20-0309-reasoning"), Equals("grok-4.20-0309-non-reasoning")]), prices: &[
            Price { input: Some(2_000_000_000_000), cached_input: Some(200_000_000_000), output: Some(6_000_000_000_000), ..NONE },
            Price { above: Some(199_999), input: Some(4_000_000_000_000), cached_input: Some(400_000_000_000), output: Some(12_000_000_000_000), ..NONE },
            Price { from: date(2026, 4, 30), input: Some(1_250_000_000_000), cached_input: Some(200_000_000_000), output: Some(2_500_000_000_000), ..NONE },
            Price { from: date(2026, 4, 30), above: Some(199_999), input: Some(2_500_000_000_000), cached_input: Some(400_000_000_000), output: Some(5_000_000_000_000), ..NONE },
        ] },
        Listing { id: "grok-4.20-multi-agent-0309", rule: AnyOf(&[Equals("grok-4.20-multi-agent-0309"), Equals("grok-4.20-multi-agent"), Equals("grok-4.20-multi-agent-beta-0309"), Equals("grok-4.20-multi-agent-latest"), Equals("grok-4.20-multi-agent-beta-latest")]), prices: &[
            Price { input: Some(2_000_000_000_000), cached_input: Some(200_000_000_000), output: Some(6_000_000_000_000), ..NONE },
            Price { above: Some(199_999), input: Some(4_000_000_000_000), cached_input: Some(400_000_000_000), output: Some(12_000_000_000_000), ..NONE },
            Price { from: date(2026, 4, 30), input: Some(1_250_000_000_000), cached_input: Some(200_000_000_000), output: Some(2_500_000_000_000), ..NONE },
            Price { from: date(2026, 4, 30), above: Some(199_999), input: Some(2_500_000_000_000), cached_input: Some(400_000_000_000), output: Some(5_000_000_000_000), ..NONE },
        ] },
        Listing { id: "grok-4.3", rule: AnyOf(&[Equals("grok-4.3"), Matches(&[Text("grok-4.3-"), Run(Digit, 8, 8), End]), Equals("x-ai/grok-4.3"), Matches(&[Text("x-ai/grok-4.3-"), Run(Digit, 8, 8), End]), Equals("grok-4.3-latest")]), prices: &[
            Price { input: Some(1_250_000_000_000), cached_input: Some(200_000_000_000), output: Some(2_500_000_000_000), ..NONE },
            Price { above: Some(199_999), input: Some(2_500_000_000_000), cached_input: Some(400_000_000_000), output: Some(5_000_000_000_000), ..NONE },
        ] },
        Listing { id: "grok-4.5", rule: AnyOf(&[Equals("grok-4.5"), Matches(&[Text("grok-4.5-"), Run(Digit, 8, 8), End]), Equals("x-ai/grok-4.5"), Matches(&[Text("x-ai/grok-4.5-"), Run(Digit, 8, 8), End]), Equals("grok-4.5-latest"), Equals("grok-latest")]), prices: &[
            Price { input: Some(2_000_000_000_000), cached_input: Some(300_000_000_000), output: Some(6_000_000_000_000), ..NONE },
            Price { above: Some(199_999), input: Some(4_000_000_000_000), cached_input: Some(600_000_000_000), output: Some(12_000_000_000_000), ..NONE },
        ] },
        Listing { id: "grok-4.6", rule: AnyOf(&[Equals("grok-4.6"), Matches(&[Text("grok-4.6-"), Run(Digit, 8, 8), End]), Equals("x-ai/grok-4.6"), Matches(&[Text("x-ai/grok-4.6-"), Run(Digit, 8, 8), End]), Equals("grok-4.6-latest")]), prices: &[
            Price { input: Some(2_000_000_000_000), cached_input: Some(500_000_000_000), output: Some(6_000_000_000_000), ..NONE },
            Price { above: Some(199_999), input: Some(4_000_000_000_000), cached_input: Some(1_000_000_000_000), output: Some(12_000_000_000_000), ..NONE },
        ] },
        Listing { id: "grok-4.7", rule: AnyOf(&[Equals("grok-4.7"), Matches(&[Text("grok-4.7-"), Run(Digit, 8, 8), End]), Equals("x-ai/grok-4.7"), Matches(&[Text("x-ai/grok-4.7-"), Run(Digit, 8, 8), End]), Equals("grok-4.7-latest")]), prices: &[
            Price { input: Some(2_000_000_000_000), cached_input: Some(500_000_000_000), output: Some(6_000_000_000_000), ..NONE },
            Price { above: Some(199_999), input: Some(4_000_000_000_000), cached_input: Some(1_000_000_000_000), output: Some(12_000_000_000_000), ..NONE },
        ] },
        Listing { id: "grok-build-0.1", rule: Equals("grok-build-0.1"), prices: &[
            Price { input: Some(1_000_000_000_000), cached_input: Some(200_000_000_000), output: Some(2_000_000_000_000), ..NONE },
            Price { above: Some(199_999), input: Some(2_000_000_000_000), cached_input: Some(400_000_000_000), output: Some(4_000_000_000_000), ..NONE },
        ] },
        Listing { id: "grok-code-fast-1", rule: AnyOf(&[Equals("grok-code-fast"), Equals("grok-code-fast-1"), Equals("grok-code-fast-1-0825")]), prices: &[
            Price { input: Some(200_000_000_000), cached_input: Some(20_000_000_000), output: Some(1_500_000_000_000), ..NONE },
        ] },
        Listing { id: "grok-voice-latest", rule: AnyOf(&[Equals("grok-voice-latest"), Equals("grok-voice-3.0")]), prices: &[
            NONE,
            Price { from: date(2026, 8, 5), ..NONE },
        ] },
        Listing { id: "grok-voice-think-fast-1.0", rule: Equals("grok-voice-think-fast-1.0"), prices: &[
            NONE,
        ] },
        Listing { id: "grok-voice-think-fast-2.0", rule: Equals("grok-voice-think-fast-2.0"), prices: &[
            NONE,
        ] },
    ] },
    Provider { id: "zhipuai", rule: AnyOf(&[StartsWith("glm-"), StartsWith("glm-")]), fallbacks: &[], listings: &[
        Listing { id: "GLM-4-Air", rule: AnyOf(&[Equals("glm-4-air"), Equals("glm-4-air")]), prices: &[
            Price { input: Some(69_000_000_000), cached_input: Some(34_000_000_000), output: Some(69_000_000_000), ..NONE },
        ] },
        Listing { id: "GLM-4-AirX", rule: AnyOf(&[Equals("glm-4-airx"), Equals("glm-4-airx")]), prices: &[
            Price { input: Some(1_379_000_000_000), output: Some(1_379_000_000_000), ..NONE },
        ] },
        Listing { id: "GLM-4-Assistant", rule: AnyOf(&[Equals("glm-4-assistant"), Equals("glm-4-assistant")]), prices: &[
            Price { input: Some(690_000_000_000), output: Some(690_000_000_000), ..NONE },
        ] },
        Listing { id: "GLM-4-FlashX-250414", rule: AnyOf(&[Equals("glm-4-flashx-250414"), Equals("glm-4-flashx-250414")]), prices: &[
            Price { input: Some(14_000_000_000), cached_input: Some(7_000_000_000), output: Some(14_000_000_000), ..NONE },
        ] },
        Listing { id: "GLM-4-Long", rule: AnyOf(&[Equals("glm-4-long"), Equals("glm-4-long")]), prices: &[
            Price { input: Some(138_000_000_000), cached_input: Some(69_000_000_000), output: Some(138_000_000_000), ..NONE },
        ] },
        Listing { id: "GLM-4-Plus", rule: AnyOf(&[Equals("glm-4-plus"), Equals("glm-4-plus")]), prices: &[
            Price { input: Some(690_000_000_000), cached_input: Some(345_000_000_000), output: Some(690_000_000_000), ..NONE },
        ] },
        Listing { id: "GLM-4.5-Air", rule: AnyOf(&[Equals("glm-4.5-air"), Equals("glm-4.5-air")]), prices: &[
            Price { input: Some(110_000_000_000), cached_input: Some(22_000_000_000), output: Some(276_000_000_000), ..NONE },
        ] },
        Listing { id: "GLM-4.7", rule: AnyOf(&[Equals("glm-4.7"), Equals("glm-4.7")]), prices: &[
            Price { input: Some(276_000_000_000), cached_input: Some(55_000_000_000), output: Some(1_103_000_000_000), ..NONE },
        ] },
        Listing { id: "GLM-4.7-FlashX", rule: AnyOf(&[Equals("glm-4.7-flashx"), Equals("glm-4.7-flashx")]), prices: &[
            Price { input: Some(69_000_000_000), cached_input: Some(14_000_000_000), output: Some(414_000_000_000), ..NONE },
        ] },
        Listing { id: "GLM-5", rule: AnyOf(&[Equals("glm-5"), Equals("glm-5")]), prices: &[
            Price { input: Some(552_000_000_000), cached_input: Some(138_000_000_000), output: Some(2_483_000_000_000), ..NONE },
        ] },
        Listing { id: "GLM-5-Turbo", rule: AnyOf(&[Equals("glm-5-turbo"), Equals("glm-5-turbo")]), prices: &[
            Price { input: Some(690_000_000_000), cached_input: Some(166_000_000_000), output: Some(3_034_000_000_000), ..NONE },
        ] },
        Listing { id: "GLM-5.1", rule: AnyOf(&[Equals("glm-5.1"), Equals("glm-5.1"), Equals("glm-5.1-20260406"), Equals("glm-5.1-20260406")]), prices: &[
            Price { input: Some(828_000_000_000), cached_input: Some(179_000_000_000), output: Some(3_310_000_000_000), ..NONE },
        ] },
        Listing { id: "GLM-5.2", rule: AnyOf(&[Equals("glm-5.2"), Equals("glm-5.2")]), prices: &[
            Price { input: Some(1_103_000_000_000), cached_input: Some(276_000_000_000), output: Some(3_862_000_000_000), ..NONE },
        ] },
        Listing { id: "GLM-5.3", rule: AnyOf(&[Equals("glm-5.3"), Equals("glm-5.3")]), prices: &[
            Price { input: Some(1_103_000_000_000), cached_input: Some(276_000_000_000), output: Some(3_862_000_000_000), ..NONE },
        ] },
        Listing { id: "GLM-5.3-Flash", rule: AnyOf(&[Equals("glm-5.3-flash"), Equals("glm-5.3-flash")]), prices: &[
            Price { input: Some(55_000_000_000), cached_input: Some(16_000_000_000), output: Some(193_000_000_000), ..NONE },
            Price { from: date(2026, 9, 10), input: Some(110_000_000_000), cached_input: Some(32_000_000_000), output: Some(386_000_000_000), ..NONE },
        ] },
    ] },
];

// The form for a usage: a model call, and the compute time around it.

import type { Schemas } from '../../api';

/** Suggested models, which all have a price; any other can be typed. */
export const MODELS = ['gpt-5', 'gpt-5-mini', 'claude-sonnet-4-5', 'claude-haiku-4-5', 'gemini-2.5-pro'];

export interface Chosen {
  model: string;
  input_tokens: number;
  cached_input_tokens: number;
  output_tokens: number;
  milliseconds: number;
}

type Quantity = Exclude<keyof Chosen, 'model'>;

export const FIRST: Chosen = {
  model: 'gpt-5',
  input_tokens: 1200,
  cached_input_tokens: 200,
  output_tokens: 300,
  milliseconds: 1500,
};

const QUANTITIES: [Quantity, string][] = [
  ['input_tokens', 'Input tokens'],
  ['cached_input_tokens', 'Input tokens from the cache'],
  ['output_tokens', 'Output tokens'],
  ['milliseconds', 'Compute time in milliseconds'],
];

/** Builds the request. The token classes exclude each other, so cached tokens are subtracted from the input. */
export function request(chosen: Chosen): Schemas['UsageRequest'] {
  const { model, input_tokens, cached_input_tokens, output_tokens, milliseconds } = chosen;
  const usage: Schemas['UsageLines'] = [
    {
      meter: 'ai_tokens',
      ...(model === '' ? {} : { model }),
      input_tokens: input_tokens - cached_input_tokens,
      cached_input_tokens,
      output_tokens,
    },
  ];
  if (milliseconds > 0) {
    usage.push({ meter: 'compute', milliseconds });
  }
  return { usage, trace: { name: 'reference-page', tags: ['web'] } };
}

interface FormProps {
  chosen: Chosen;
  choose: (chosen: Chosen) => void;
  /** True if an action is under way, which can no longer be changed. */
  locked: boolean;
  busy: boolean;
  record: () => void;
}

export function Form({ chosen, choose, locked, busy, record }: FormProps) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    record();
  };
  return (
    <form class="card" onSubmit={submit}>
      <fieldset disabled={locked || busy}>
        <label for="model">Model</label>
        <input
          id="model"
          list="models"
          value={chosen.model}
          autocomplete="off"
          spellcheck={false}
          maxLength={128}
          aria-describedby="model-hint"
          onInput={(event) => choose({ ...chosen, model: event.currentTarget.value.trim() })}
        />
        <datalist id="models">
          {MODELS.map((model) => (
            <option key={model} value={model} />
          ))}
        </datalist>
        <p class="fine" id="model-hint">
          The provider’s name for it. Leave it empty for the flat rate.
        </p>
        {QUANTITIES.map(([name, label]) => (
          <div key={name}>
            <label for={name}>{label}</label>
            <input
              id={name}
              type="number"
              inputMode="numeric"
              required
              min={0}
              max={name === 'cached_input_tokens' ? chosen.input_tokens : 1_000_000_000_000}
              step={1}
              value={chosen[name]}
              onInput={(event) => choose({ ...chosen, [name]: event.currentTarget.valueAsNumber || 0 })}
            />
          </div>
        ))}
        <button type="submit">Record it</button>
      </fieldset>
    </form>
  );
}

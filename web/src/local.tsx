// What only the stack on one machine has: tokens for the asking, and accounts to try things as.

import { PATIENCE_MS, type Token } from './api';

const STORED = 'sparks.local.account';
const DEFAULT = 'acct_demo';

/** Whose page this is: `?account=` names another one, which stays for as long as the tab does. */
export function account(): string {
  const named = new URLSearchParams(location.search).get('account');
  if (named) {
    sessionStorage.setItem(STORED, named);
  }
  return named ?? sessionStorage.getItem(STORED) ?? DEFAULT;
}

/** Tokens of the local gateway, which stands in for the app's identity provider here. */
export function localToken(account: string): Token {
  let held: Promise<string> | undefined;
  return (renew) => {
    if (held === undefined || renew) {
      // A token that could not be had is asked for again next time.
      held = issued(account).catch((error: unknown) => {
        held = undefined;
        throw error;
      });
    }
    return held;
  };
}

async function issued(account: string): Promise<string> {
  const answer = await fetch('/_local/token', {
    method: 'POST',
    body: JSON.stringify({ account }),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  if (!answer.ok) {
    throw new Error(`there is no token: ${answer.status}`);
  }
  const { token } = (await answer.json()) as { token: string };
  return token;
}

/** Says who one is, and lets one be somebody else. */
export function AccountSwitch() {
  const become = (event: SubmitEvent) => {
    event.preventDefault();
    const chosen = new FormData(event.currentTarget as HTMLFormElement).get('account');
    location.assign(`/?account=${encodeURIComponent(String(chosen))}`);
  };
  return (
    <form class="switch" onSubmit={become}>
      <label for="account">On this machine, act as</label>
      <input
        id="account"
        name="account"
        required
        pattern="[A-Za-z0-9_.:@\|\-]{1,128}"
        value={account()}
        autocomplete="off"
      />
      <button type="submit" class="quiet">
        Switch
      </button>
    </form>
  );
}

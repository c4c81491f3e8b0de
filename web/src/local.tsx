// For the local stack only: freely issued tokens, and a choice of accounts.

import { PATIENCE_MS, type Token } from './api';

const STORED = 'sparks.local.account';
const DEFAULT = 'acct_demo';

/** Returns the account of this page: `?account=` sets it for the lifetime of the tab. */
export function account(): string {
  const named = new URLSearchParams(location.search).get('account');
  if (named) {
    sessionStorage.setItem(STORED, named);
  }
  return named ?? sessionStorage.getItem(STORED) ?? DEFAULT;
}

/** Gets tokens from the local gateway, which stands in for the app's identity provider. */
export function localToken(account: string): Token {
  let held: Promise<string> | undefined;
  return (renew) => {
    if (held === undefined || renew) {
      // If it fails, the next call tries again.
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
    throw new Error(`no token was issued: ${answer.status}`);
  }
  const { token } = (await answer.json()) as { token: string };
  return token;
}

/** Shows the current account, and switches to another one. */
export function AccountSwitch() {
  const become = (event: SubmitEvent) => {
    event.preventDefault();
    const chosen = new FormData(event.currentTarget as HTMLFormElement).get('account');
    location.assign(`/?account=${encodeURIComponent(String(chosen))}`);
  };
  return (
    <form class="switch" onSubmit={become}>
      <label for="account">Account (local only)</label>
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

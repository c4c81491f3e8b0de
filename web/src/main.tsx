// The entry point, and the only file that knows where the page runs. Change it for your app: the address of
// the API, the user's account, and the source of their token.
//
//     const api = connect('https://….execute-api.us-east-1.amazonaws.com', (renew) => auth.accessToken({ renew }));

import { render } from 'preact';
import { connect } from './api';
import { App } from './app';
import { AccountSwitch, account, localToken } from './local';

const root = document.getElementById('app');
if (root) {
  root.replaceChildren();
  const api = connect(location.origin, localToken(account()));
  render(<App api={api} account={account()} footer={<AccountSwitch />} />, root);
}

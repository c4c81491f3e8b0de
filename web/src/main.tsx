// Where the page begins, and the one file that knows where it runs. Your app changes what is here: the
// address of the API, who the user is, and how to get their token.
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

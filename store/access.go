package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

const orgColumns = `id, slug, name, kind, address, site, created, products`

func scanOrg(rows row) (o register.Organisation, err error) {
	var created string
	if err := rows.Scan(&o.ID, &o.Slug, &o.Name, &o.Kind, &o.Address, &o.Site, &created, &o.Products); err != nil {
		return o, err
	}
	o.Created, err = moment(created)
	return o, err
}

// Org is an organisation by its id.
func (t *tx) Org(ctx context.Context, id register.OrgID) (register.Organisation, error) {
	return first(ctx, t, "organisation "+string(id), scanOrg, `select `+orgColumns+` from org where id = $1`, id)
}

// OrgBySlug is an organisation by the words in its address.
func (t *tx) OrgBySlug(ctx context.Context, slug string) (register.Organisation, error) {
	return first(ctx, t, "organisation "+slug, scanOrg, `select `+orgColumns+` from org where slug = $1`, slug)
}

// Orgs are organisations by id.
func (t *tx) Orgs(ctx context.Context, after register.OrgID, n int) ([]register.Organisation, error) {
	return list(ctx, t, "organisations", scanOrg, `select `+orgColumns+` from org where id > $1 order by id limit $2`, after, n)
}

// AddOrg adds an organisation.
func (t *tx) AddOrg(ctx context.Context, o register.Organisation) error {
	return t.exec(ctx, "organisation "+o.Slug, `insert into org (`+orgColumns+`, name_key) values ($1, $2, $3, $4, $5, $6, $7, 0, $8)`, o.ID, o.Slug, o.Name, o.Kind, o.Address, o.Site, stamp(o.Created), register.NameKey(o.Name))
}

// UpdateOrg changes what may change of an organisation.
func (t *tx) UpdateOrg(ctx context.Context, o register.Organisation) error {
	return t.one(ctx, "organisation "+string(o.ID), `update org set name = $2, address = $3, site = $4, name_key = $5 where id = $1`, o.ID, o.Name, o.Address, o.Site, register.NameKey(o.Name))
}

// OrgByName is an organisation of a name that looks like the given one, the oldest.
func (t *tx) OrgByName(ctx context.Context, name string) (register.Organisation, error) {
	return first(ctx, t, "organisation "+name, scanOrg, `select `+orgColumns+` from org where name_key = $1 order by created, id limit 1`, register.NameKey(name))
}

// KeyElsewhere reports that another organisation has a key.
func (t *tx) KeyElsewhere(ctx context.Context, than register.OrgID, key assay.Digest) (bool, error) {
	var n int
	err := t.value(ctx, "key", `select count(*) from signing_key where id = $1 and org <> $2`, []any{key, than}, &n)
	return n > 0, err
}

// Keys are all keys that an organisation ever signed with.
func (t *tx) Keys(ctx context.Context, id register.OrgID) ([]register.Key, error) {
	return list(ctx, t, "keys", scanKey, `select `+keyColumns+` from signing_key where org = $1 order by added, id`, id)
}

const keyColumns = `id, pem, name, added, added_by, revoked`

func scanKey(r row) (k register.Key, err error) {
	var added, revoked string
	if err := r.Scan(&k.ID, &k.PEM, &k.Name, &added, &k.AddedBy, &revoked); err != nil {
		return k, err
	}
	err = times(added, &k.Added, revoked, &k.Revoked)
	return k, err
}

// AddKey adds a key.
func (t *tx) AddKey(ctx context.Context, org register.OrgID, k register.Key) error {
	return t.exec(ctx, "key "+string(k.ID), `insert into signing_key (org, id, pem, name, added, added_by) values ($1, $2, $3, $4, $5, $6)`, org, k.ID, k.PEM, k.Name, stamp(k.Added), k.AddedBy)
}

// RevokeKey says that a key counts no more.
func (t *tx) RevokeKey(ctx context.Context, org register.OrgID, k assay.Digest, at time.Time) error {
	return t.one(ctx, "key "+string(k), `update signing_key set revoked = $3 where org = $1 and id = $2 and revoked = ''`, org, k, stamp(at))
}

const accountColumns = `id, name, email, operator, handle, created, locked`

func scanAccount(rows row) (a register.Account, err error) {
	var operator int
	var created, locked string
	if err := rows.Scan(&a.ID, &a.Name, &a.Email, &operator, &a.Handle, &created, &locked); err != nil {
		return a, err
	}
	a.Operator = operator == 1
	return a, times(created, &a.Created, locked, &a.Locked)
}

// Account is an account by its id.
func (t *tx) Account(ctx context.Context, id register.AccountID) (register.Account, error) {
	return first(ctx, t, "account "+string(id), scanAccount, `select `+accountColumns+` from account where id = $1`, id)
}

// AccountByEmail is an account by its address.
func (t *tx) AccountByEmail(ctx context.Context, email string) (register.Account, error) {
	return first(ctx, t, "account", scanAccount, `select `+accountColumns+` from account where email = $1`, email)
}

// AccountByHandle is an account by the handle of its passkeys.
func (t *tx) AccountByHandle(ctx context.Context, handle []byte) (register.Account, error) {
	return first(ctx, t, "account", scanAccount, `select `+accountColumns+` from account where handle = $1`, handle)
}

// Accounts are accounts by id.
func (t *tx) Accounts(ctx context.Context, after register.AccountID, n int) ([]register.Account, error) {
	return list(ctx, t, "accounts", scanAccount, `select `+accountColumns+` from account where id > $1 order by id limit $2`, after, n)
}

// CountAccounts counts accounts.
func (t *tx) CountAccounts(ctx context.Context) (n int, err error) {
	err = t.value(ctx, "accounts", `select count(*) from account`, nil, &n)
	return n, err
}

// CountWaysIn counts passkeys and identities, of all accounts.
func (t *tx) CountWaysIn(ctx context.Context) (n int, err error) {
	err = t.value(ctx, "ways to sign in", `select (select count(*) from credential) + (select count(*) from identity)`, []any{}, &n)
	return n, err
}

// Stranded are the operators' accounts that have no way to sign in.
func (t *tx) Stranded(ctx context.Context) ([]register.Account, error) {
	return list(ctx, t, "accounts", scanAccount, `select `+accountColumns+` from account where operator = 1
		and id not in (select account from credential) and id not in (select account from identity) order by id`)
}

// AddAccount adds an account.
func (t *tx) AddAccount(ctx context.Context, a register.Account) error {
	return t.exec(ctx, "account", `insert into account (`+accountColumns+`) values ($1, $2, $3, $4, $5, $6, $7)`, a.ID, a.Name, a.Email, flag(a.Operator), a.Handle, stamp(a.Created), stamp(a.Locked))
}

// UpdateAccount changes what may change of an account.
func (t *tx) UpdateAccount(ctx context.Context, a register.Account) error {
	return t.one(ctx, "account "+string(a.ID), `update account set name = $2, operator = $3, locked = $4 where id = $1`, a.ID, a.Name, flag(a.Operator), stamp(a.Locked))
}

const memberQuery = `select m.org, o.name, o.kind, m.account, a.name, a.email, m.role, m.since from member m join org o on o.id = m.org join account a on a.id = m.account`

func scanMember(rows row) (m register.Member, err error) {
	var since string
	if err := rows.Scan(&m.Org, &m.OrgName, &m.OrgKind, &m.Account, &m.Name, &m.Email, &m.Role, &since); err != nil {
		return m, err
	}
	m.Since, err = moment(since)
	return m, err
}

// Members are the members of an organisation.
func (t *tx) Members(ctx context.Context, org register.OrgID) ([]register.Member, error) {
	return list(ctx, t, "members", scanMember, memberQuery+` where m.org = $1 order by a.name, a.id`, org)
}

// Memberships are an account's, the oldest first.
func (t *tx) Memberships(ctx context.Context, a register.AccountID) ([]register.Member, error) {
	return list(ctx, t, "memberships", scanMember, memberQuery+` where m.account = $1 order by m.since, m.org`, a)
}

// SetMember adds a member, or changes the role of one.
func (t *tx) SetMember(ctx context.Context, m register.Member) error {
	return t.exec(ctx, "member", `insert into member (org, account, role, since) values ($1, $2, $3, $4) on conflict (org, account) do update set role = excluded.role`, m.Org, m.Account, m.Role, stamp(m.Since))
}

// RemoveMember ends a membership.
func (t *tx) RemoveMember(ctx context.Context, org register.OrgID, a register.AccountID) error {
	return t.one(ctx, "member "+string(a), `delete from member where org = $1 and account = $2`, org, a)
}

const credentialColumns = `id, account, name, data, created, last_used`

func scanCredential(rows row) (c register.Credential, err error) {
	var created, used string
	if err := rows.Scan(&c.ID, &c.Account, &c.Name, &c.Data, &created, &used); err != nil {
		return c, err
	}
	return c, times(created, &c.Created, used, &c.LastUsed)
}

// Credentials are the passkeys of an account.
func (t *tx) Credentials(ctx context.Context, a register.AccountID) ([]register.Credential, error) {
	return list(ctx, t, "passkeys", scanCredential, `select `+credentialColumns+` from credential where account = $1 order by created, id`, a)
}

// Credential is a passkey by its id.
func (t *tx) Credential(ctx context.Context, id []byte) (register.Credential, error) {
	return first(ctx, t, "passkey", scanCredential, `select `+credentialColumns+` from credential where id = $1`, id)
}

// AddCredential adds a passkey.
func (t *tx) AddCredential(ctx context.Context, c register.Credential) error {
	return t.exec(ctx, "passkey", `insert into credential (`+credentialColumns+`) values ($1, $2, $3, $4, $5, '')`, c.ID, c.Account, c.Name, c.Data, stamp(c.Created))
}

// UpdateCredential keeps what using a passkey changed.
func (t *tx) UpdateCredential(ctx context.Context, c register.Credential) error {
	return t.one(ctx, "passkey", `update credential set data = $2, last_used = $3 where id = $1`, c.ID, c.Data, stamp(c.LastUsed))
}

// RemoveCredential removes a passkey of an account.
func (t *tx) RemoveCredential(ctx context.Context, a register.AccountID, id []byte) error {
	return t.one(ctx, "passkey", `delete from credential where account = $1 and id = $2`, a, id)
}

func scanIdentity(rows row) (i register.Identity, err error) {
	var created string
	if err := rows.Scan(&i.Issuer, &i.Subject, &i.Account, &i.Email, &created); err != nil {
		return i, err
	}
	i.Created, err = moment(created)
	return i, err
}

const identityColumns = `issuer, subject, account, email, created`

// Identities are the identities of an account.
func (t *tx) Identities(ctx context.Context, a register.AccountID) ([]register.Identity, error) {
	return list(ctx, t, "identities", scanIdentity, `select `+identityColumns+` from identity where account = $1 order by created, issuer`, a)
}

// Identity is an identity by issuer and subject.
func (t *tx) Identity(ctx context.Context, issuer, subject string) (register.Identity, error) {
	return first(ctx, t, "identity", scanIdentity, `select `+identityColumns+` from identity where issuer = $1 and subject = $2`, issuer, subject)
}

// AddIdentity adds an identity.
func (t *tx) AddIdentity(ctx context.Context, i register.Identity) error {
	return t.exec(ctx, "identity", `insert into identity (`+identityColumns+`) values ($1, $2, $3, $4, $5)`, i.Issuer, i.Subject, i.Account, i.Email, stamp(i.Created))
}

// RemoveIdentity removes an identity of an account.
func (t *tx) RemoveIdentity(ctx context.Context, a register.AccountID, issuer, subject string) error {
	return t.one(ctx, "identity", `delete from identity where account = $1 and issuer = $2 and subject = $3`, a, issuer, subject)
}

const tokenColumns = `id, org, account, name, scopes, hash, created, expires, last_used, revoked`

func scanToken(rows row) (k register.Token, err error) {
	var scopes, created, expires, used, revoked string
	if err := rows.Scan(&k.ID, &k.Org, &k.Account, &k.Name, &scopes, &k.Hash, &created, &expires, &used, &revoked); err != nil {
		return k, err
	}
	if err := json.Unmarshal([]byte(scopes), &k.Scopes); err != nil {
		return k, err
	}
	return k, times(created, &k.Created, expires, &k.Expires, used, &k.LastUsed, revoked, &k.Revoked)
}

// Token is a token by its id.
func (t *tx) Token(ctx context.Context, id register.TokenID) (register.Token, error) {
	return first(ctx, t, "token", scanToken, `select `+tokenColumns+` from token where id = $1`, id)
}

// Tokens are the tokens of an organisation, the newest first.
func (t *tx) Tokens(ctx context.Context, org register.OrgID) ([]register.Token, error) {
	return list(ctx, t, "tokens", scanToken, `select `+tokenColumns+` from token where org = $1 order by created desc, id limit 1000`, org)
}

// AddToken adds a token.
func (t *tx) AddToken(ctx context.Context, k register.Token) error {
	scopes, err := jsonText(k.Scopes)
	if err != nil {
		return err
	}
	return t.exec(ctx, "token", `insert into token (`+tokenColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, '', '')`, k.ID, k.Org, k.Account, k.Name, scopes, k.Hash, stamp(k.Created), stamp(k.Expires))
}

// TouchToken keeps when a token was used last.
func (t *tx) TouchToken(ctx context.Context, id register.TokenID, at time.Time) error {
	return t.one(ctx, "token", `update token set last_used = $2 where id = $1`, id, stamp(at))
}

// RevokeToken ends a token of an organisation.
func (t *tx) RevokeToken(ctx context.Context, org register.OrgID, id register.TokenID, at time.Time) error {
	return t.one(ctx, "token", `update token set revoked = $3 where org = $1 and id = $2 and revoked = ''`, org, id, stamp(at))
}

// Link is a one-time link by the hash of its secret.
func (t *tx) Link(ctx context.Context, hash []byte) (register.Link, error) {
	return first(ctx, t, "link", func(rows row) (l register.Link, err error) {
		var created, expires, used string
		if err := rows.Scan(&l.Hash, &l.Kind, &l.Org, &l.OrgName, &l.Role, &l.Email, &l.Account, &created, &expires, &used); err != nil {
			return l, err
		}
		return l, times(created, &l.Created, expires, &l.Expires, used, &l.Used)
	}, `select l.hash, l.kind, l.org, coalesce(o.name, ''), l.role, l.email, l.account, l.created, l.expires, l.used from link l left join org o on o.id = l.org where l.hash = $1`, hash)
}

// CountLinks counts links of a kind, of an organisation or account, made since a time.
func (t *tx) CountLinks(ctx context.Context, like register.Link) (n int, err error) {
	err = t.value(ctx, "links", `select count(*) from link where kind = $1 and ($2 = '' or org = $2) and ($3 = '' or account = $3) and created >= $4`, []any{like.Kind, like.Org, like.Account, stamp(like.Created)}, &n)
	return n, err
}

// AddLink adds a one-time link.
func (t *tx) AddLink(ctx context.Context, l register.Link) error {
	return t.exec(ctx, "link", `insert into link (hash, kind, org, role, email, account, created, expires) values ($1, $2, $3, $4, $5, $6, $7, $8)`, l.Hash, l.Kind, l.Org, l.Role, l.Email, l.Account, stamp(l.Created), stamp(l.Expires))
}

// UseLink marks a link as used, once.
func (t *tx) UseLink(ctx context.Context, hash []byte, at time.Time) error {
	err := t.one(ctx, "link", `update link set used = $2 where hash = $1 and used = ''`, hash, stamp(at))
	if err != nil {
		return fmt.Errorf("link: %w: it was used already: %w", assay.ErrConflict, err)
	}
	return nil
}

// EndSessions ends all sessions of an account.
func (t *tx) EndSessions(ctx context.Context, a register.AccountID) error {
	return t.exec(ctx, "sessions", `delete from session where account = $1`, a)
}

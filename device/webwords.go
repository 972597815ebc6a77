package device

import "regexp"

// Words by which pages of devices speak, in the languages of the markets that they are
// sold in. They choose what is asked for, and what must not be: whether a log-in was
// accepted never rests on a word alone.
var (
	// logInWords stand on the way to a log-in.
	logInWords = regexp.MustCompile(`(?i)log[-_ ]?[io]n|sign[-_ ]?in|\bauth|passw|kennwort|anmeld|einlogg|connexion|connecter|identifi|mot de passe|` +
		`iniciar|acceder|acceso|contrase|entrar|senha|accedi|accesso|inlog|aanmeld|wachtwoord|zaloguj|logowan|hasło|вход|войти|пароль|giriş|登录|登錄|登入|密码|密碼|ログイン|パスワード|로그인|비밀번호`)

	// strictWords say of a form that it is a log-in.
	strictWords = regexp.MustCompile(`(?i)log[-_ ]?[io]n|sign[-_ ]?in|authenti|anmeld|einlogg|connexion|se connecter|identifi|` +
		`iniciar|acceder|acceso|entrar|accedi|accesso|inlog|aanmeld|zaloguj|logowan|вход|войти|giriş|登录|登錄|登入|ログイン|로그인`)

	// deeds are names of addresses that may do something when they are asked for.
	deeds = regexp.MustCompile(`(?i)(?:^|[/_.-])(?:on|off|up|down|start|run|test|send|trigger|close|ring|pair|join|scan|backup|export|download|dump)(?:[/_.-]|$)`)

	// leadWords are in links that are worth a look beside those.
	leadWords = regexp.MustCompile(`(?i)admin|set-?up|manage|account|webui|\bui\b|config|settings|luci|einstell|réglages|paramètres|ajustes|impostazioni|instellingen|ustawienia|настройки|设置|設定|관리`)

	// harmWords are in links and buttons that may change a device, or end a session.
	harmWords = regexp.MustCompile(`(?i)log[-_ ]?(out|off)|sign[-_ ]?out|abmeld|déconn|deconn|cerrar|re-?boot|re-?start|neustart|reset|restor|factory|werks|defaults|delete|remove|erase|clear|wipe|\bformat\b|` +
		`upgrade|update|flash|firmware|upload|\bimport\b|shut-?down|power[-_ ]?(on|off|down|cycle)|\bhalt|\bkill|\bstop|disable|enable|toggle|apply|save|cancel|\bset[_=]|cmd|exec|command|\b(dis)?arm\b|\bopen\b|退出|注销|重启|恢复|删除|升级`)

	// setsWords are in forms that set a password, of the device or of a network.
	setsWords = regexp.MustCompile(`(?i)new[-_]?(pass|pwd|pw)|(pass|pwd|pw)[a-z]*[-_]?(new|confirm)|confirm|re-?type|regist|sign[-_ ]?up|create[-_]?(user|account|pass)|chang(e|ing)?[-_]?(pass|pw)|set[-_]?(pass|pwd|pw)|ssid|wpa|\bwep|psk|wlan|wifi|passphrase`)
	setsText  = regexp.MustCompile(`(?i)(new|create|choose|set|select|change|confirm)[^.]{0,30}(password|pass ?phrase|pin)|sign ?up|register|ssid|wi-?fi|wlan|pppoe|dial-?up|ddns|dyndns|smtp|mail server|\bisp\b|\bwan\b|\bvpn\b|proxy|radius|samba|broker|mqtt|neues? (kennwort|passwort)|(kennwort|passwort) (festlegen|ändern|wählen|vergeben)|` +
		`nouveau mot de passe|(choisir|créer|définir|modifier)[^.]{0,20}mot de passe|nueva contrase|(crear|cambiar|elegir)[^.]{0,20}contrase|nuova password|nieuw wachtwoord|новый пароль|设置密码|设置新|新密码|创建|修改密码|新しいパスワード|새 비밀번호`)

	// asksMore are names of fields that nobody can fill in beforehand.
	asksMore = regexp.MustCompile(`(?i)captcha|verif|vcode|checkcode|authcode|otp|2fa|totp|security[-_]?code|imgcode|randcode`)

	// mustWords are on pages that want a new password before all else.
	mustWords = regexp.MustCompile(`(?i)\b(must|required|first|initial|default|expired|please (change|choose|set)|now|before you)\b|müssen|erforderlich|devez|obligatoire|debe|必须|请修改`)

	// wrongWords speak of a failure.
	wrongWords = regexp.MustCompile(`(?i)\b(invalid|incorrect|wrong|failed|failure|fail|denied|not match|mismatch|unauthori[sz]ed|error|err)\b|falsch|ungültig|verweigert|abgelehnt|denegad|negato|拒绝|拒否|fehlgeschlagen|fehler|` +
		`erron|erreur|échec|echec|invalide|refus|incorrect|inválid|fallo|errat|errore|non valid|onjuist|ongeldig|mislukt|błęd|nieprawid|неверн|ошибк|hatal|错误|錯誤|失败|失敗|不正确|不正確|無効|間違|誤り|잘못|실패`)

	// noFailure is how programs say that nothing failed.
	noFailure = regexp.MustCompile(`(?i)\b(errors?|err|err_?code|error_?code|fail|failed|failures?)\b["']?\s*[:=]\s*["']?(0|null|none|false|no|ok)?\b["']?|\bno errors?\b`)

	// lockPhrases speak of a lock-out, and not of a door or a file that is locked.
	lockPhrases = regexp.MustCompile(`(?i)too many|try again (later|in)|temporarily|maximum number of|attempts? (left|remaining|exceeded)|zu viele|gesperrt|trop de|réessayez|demasiad|troppi|te veel|zbyt wiele|слишком много|锁定|鎖定|次数|次數|过多|回数|ロック`)

	// goesBack is in scripts of pages that show a message and turn back.
	goesBack = regexp.MustCompile(`(?i)history\s*\.\s*(back|go\s*\(\s*-)`)
)

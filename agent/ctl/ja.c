/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja: the Japanese of every text of sekimorictl, compiled in, so that it is
 * there on a terminal without locale packages. A text without a row is shown
 * in English; tests/unit/ctl/test_ja.c compares the formats and finds rows
 * that no source line uses. Must hold nothing but pairs.
 */
#include "agent/ctl/ctl.h"

#include <inttypes.h>
#include <string.h>

static const struct {
	const char *english;
	const char *japanese;
} pairs[] = {
	/* cmd_grant.c */
	{"ask for an exception", "例外を申請する"},
	{"Asks for an exception for the person who sits at this terminal. "
	 "DEVICE is a name of\nthe list that \"sekimorictl devices\" shows. "
	 "Prints the id of the request.\n\n"
	 "  --reason WORD   why: needed\n"
	 "  --minutes N     how long (30)\n"
	 "  --access A      read-only (of a medium), read-write or "
	 "authorise\n"
	 "  --ticket WORD   of the helpdesk\n"
	 "  --note TEXT     a line for who decides\n",
	 "この端末を使っている人の例外を申請します。機器は「sekimorictl "
	 "devices」の一覧に\n"
	 "ある名前です。申請の番号を出力します。\n\n"
	 "  --reason 語     理由(必須)\n"
	 "  --minutes N     時間(分、省略時 30)\n"
	 "  --access A      read-only(媒体の読み取り)、read-write、authorise\n"
	 "  --ticket 語     ヘルプデスクの受付\n"
	 "  --note 文       承認する人への説明\n"},
	{"use a code from the helpdesk", "ヘルプデスクのコードを使う"},
	{"For a terminal without its network: the helpdesk answers the receipt "
	 "number that the\nblock showed with a code. It counts once, for "
	 "this person and this device.\n",
	 "ネットワークにつながらない端末のためのものです。遮断のときに表示され"
	 "た受付番号に、\n"
	 "ヘルプデスクがコードで答えます。本人とその機器に、1回だけ有効です。"
	 "\n"},
	{"a receipt number and a code are wanted",
	 "受付番号とコードを指定してください"},
	{"Accepted: %s, %" PRIu64 " min, %" PRIu64 "×\n",
	 "受け付けました: %s・%" PRIu64 "分・%" PRIu64 "回\n"},
	{"list requests and exceptions", "申請と例外の一覧を表示する"},
	{"Lists requests that wait and exceptions that are not over: your own, "
	 "for root all.\n\n"
	 "  --json   one JSON array\n",
	 "回答待ちの申請と、終わっていない例外を表示します(自分のもの、root "
	 "はすべて)。\n\n"
	 "  --json   JSON の配列で出力する\n"},
	{"ask for more time", "時間の延長を申請する"},
	{"Asks for more time for what is used now. Prints the id of the new "
	 "request.\n\n"
	 "  --minutes N   how much longer (30)\n"
	 "  --note TEXT   a line for who decides\n",
	 "使用中のものの延長を申請します。新しい申請の番号を出力します。\n\n"
	 "  --minutes N   延長する時間(分、省略時 30)\n"
	 "  --note 文     承認する人への説明\n"},
	{"take back a request, or end an exception",
	 "申請を取り下げる、または例外を終える"},
	{"What is mounted under it is written out and unmounted, as at its "
	 "time.\n",
	 "使用中の媒体は、時間が来たときと同じように、書き込みを終えてから外し"
	 "ます。\n"},
	{"--reason WORD is missing", "--reason(理由)がありません"},
	{"an id is missing", "番号の指定がありません"},
	{"Asked. \"sekimorictl grants\" shows what comes of it.\n",
	 "申請しました。結果は「sekimorictl grants」で確認できます。\n"},
	{"It has ended.\n", "終わりました。\n"},
	{"No exceptions.\n", "例外はありません。\n"},
	{", used %" PRIu64 " of %" PRIu64, "、%" PRIu64 "/%" PRIu64 "回使用"},
	{", %s left", "、残り%s"},
	{"requested", "申請中"},
	{"waiting", "開始前"},
	{"active", "使用可"},
	{"suspended", "中断中"},
	{"use of a device", "機器の使用"},
	/* ctl.c, cmd_help.c */
	{"Usage: sekimorictl %s %s\n", "使い方: sekimorictl %s %s\n"},
	{"Usage: sekimorictl COMMAND …\n\n",
	 "使い方: sekimorictl コマンド …\n\n"},
	{"\n  --help, --version\n\n"
	 "More: sekimorictl help COMMAND, man sekimorictl\n",
	 "\n  --help, --version\n\n"
	 "詳しくは: sekimorictl help コマンド、man sekimorictl\n"},
	{"See: sekimorictl help %s\n", "参照: sekimorictl help %s\n"},
	{"See: sekimorictl --help\n", "参照: sekimorictl --help\n"},
	{"a command is missing", "コマンドがありません"},
	{"there is no command '%s'", "コマンド '%s' はありません"},
	{"there is no option '%s'", "オプション '%s' はありません"},
	{"unexpected argument '%s'", "引数 '%s' は余分です"},
	{"'%s' needs a value", "'%s' には値が必要です"},
	{"'%s' is not a number that %s takes",
	 "'%s' は %s に使える数ではありません"},
	{"a device is missing", "機器の指定がありません"},
	{"Out of memory.\n", "メモリーが足りません。\n"},
	{"The answer is too large to show.\n",
	 "応答が大きすぎて表示できません。\n"},
	{"show whether this terminal is protected",
	 "この端末が保護されているかを表示する"},
	{"Shows the tier of protection, the policy, each layer, and how far "
	 "the events\nare. Exit status: 0 enforcing, 1 degraded or monitor "
	 "mode, 2 not running.\n\n"
	 "  --json   one JSON object\n",
	 "保護の段階、ポリシー、各層の状態、記録の送信状況を表示します。\n"
	 "終了コード: 0 保護中、1 一部停止または監視のみ、2 停止中。\n\n"
	 "  --json   JSON で出力する\n"},
	{"list devices and what was decided", "機器と判定の一覧を表示する"},
	{"Lists USB devices, media and radios that are present.\n\n"
	 "  --json   one JSON array\n",
	 "接続中のUSB機器、媒体、無線の一覧を表示します。\n\n"
	 "  --json   JSON の配列で出力する\n"},
	{"show what happened", "起きたことの記録を表示する"},
	{"Shows the newest events, oldest first.\n\n"
	 "  -f, --follow   go on with new events as they come\n"
	 "  -n N           at most N events (20)\n"
	 "  --code C       only this event code, or those that begin with it:\n"
	 "                 usb.device.blocked, or usb\n"
	 "  --since SEQ    from this sequence number on\n"
	 "  --json         the records as they are kept, one a line\n",
	 "新しい記録を、古い順に表示します。\n\n"
	 "  -f, --follow   新しい記録を待って表示し続ける\n"
	 "  -n N           最大 N 件 (20)\n"
	 "  --code C       この種類だけ。先頭の一致でもよい:\n"
	 "                 usb.device.blocked または usb\n"
	 "  --since SEQ    この番号から\n"
	 "  --json         保存された記録をそのまま、1 行に 1 件\n"},
	{"say why a device is as it is", "機器の判定の理由を説明する"},
	{"Says which rule decided, which rule would have allowed the device "
	 "and why it\ndid not, what to ask for and whom to call. DEVICE is a "
	 "name of the list that\n\"sekimorictl devices\" shows, a node "
	 "(/dev/sda1), vendor:product, or a channel\n(wifi).\n\n"
	 "  --json   one JSON object\n",
	 "どの規則が判定したか、許可に最も近い規則と合わなかった点、\n"
	 "何をどこへ依頼すればよいかを示します。DEVICE は sekimorictl devices "
	 "が\n表示する名前、デバイスノード (/dev/sda1)、vendor:product、"
	 "または経路 (wifi)\nです。\n\n"
	 "  --json   JSON で出力する\n"},
	{"use a new keyboard that waits", "確認待ちのキーボードを使う"},
	{"A keyboard that no rule names waits until the person at the terminal "
	 "confirms,\nfrom another keyboard and with their own password, that "
	 "it "
	 "is theirs. It can then\nbe used until it is unplugged. DEVICE is its "
	 "name in \"sekimorictl devices\".\n",
	 "登録のないキーボードは、端末の前にいる人が別のキーボードから、\n"
	 "自分のパスワードで確認するまで使えません。確認すると、抜くまで\n"
	 "使えます。DEVICE は sekimorictl devices が表示する名前です。\n"},
	{"The keyboard can be used until it is unplugged.\n",
	 "このキーボードは、抜くまで使えます。\n"},
	{"To use it", "使うには"},
	{"It is not a keyboard that waits, or it was confirmed already.\n",
	 "確認待ちのキーボードではないか、すでに確認されています。\n"},
	{"read the policy again and judge what is present",
	 "ポリシーを読み直し、接続中の機器を判定し直す"},
	{"The new policy is in force when the command returns. When it has an "
	 "error,\nthe old one stays and the error is shown with file, line "
	 "and column.\n",
	 "終了した時点で新しいポリシーが有効です。誤りがあれば、これまでの\n"
	 "ポリシーのまま、誤りのファイル・行・桁を表示します。\n"},
	{"put a signed policy in force", "署名付きポリシーを適用する"},
	{"The daemon proves the signature and the terms and judges what is "
	 "present by the\nnew policy before the command returns. When "
	 "anything is wrong with it, the old\none stays and the reason is "
	 "shown. Signed with: sekimori-policy sign.\n",
	 "署名・版・領域・期間を確かめ、接続中の機器を判定し直してから\n"
	 "終了します。受け付けられないときは、これまでのポリシーのまま、\n"
	 "理由を表示します。署名は sekimori-policy sign で行います。\n"},
	{"expected: policy load FILE", "policy load ファイル の形で使います"},
	{"a file is missing", "ファイルの指定がありません"},
	{"The signed policy is in force.\n",
	 "署名付きポリシーを適用しました。\n"},
	{"not signed, although a trust anchor is pinned\n",
	 "署名の確認の設定があるのに署名されていません\n"},
	{"signed with key ", "署名した鍵 "},
	{", until %s", "、期限 %s"},
	{"give a signed order to the daemon",
	 "署名された指示をエージェントに渡す"},
	{"An order lifts tamper protection on this terminal for a while, for "
	 "a removal or\na repair. It counts once. Signed with: "
	 "sekimori-policy order.\n",
	 "指示は、撤去や修理のために、この端末の妨害防止を一時的に解きます。\n"
	 "一度だけ有効です。署名は sekimori-policy order で行います。\n"},
	{"The order counts.\n", "指示を受け付けました。\n"},
	{"Nothing was changed.\n", "何も変えていません。\n"},
	{"Tampering", "妨害防止"},
	{"lifted until %s\n", "%s まで解除中\n"},
	{"on", "有効"},
	{"off", "無効"},
	{"not in this tier", "この段階では使えません"},
	{"try every way out and show what is closed",
	 "持ち出し経路をすべて試し、閉じているかを表示する"},
	{"Tries every way out with devices that the kernel makes up, as root "
	 "and as\nnobody, and shows which are closed on this machine. Nothing "
	 "that is plugged in\nis touched; modules that were not loaded are "
	 "unloaded again. Exit status: 0 all\nthat could be tried is closed, 1 "
	 "something is open, 2 not running.\n\n"
	 "  --light   load no module: the guard itself only\n"
	 "  --json    one JSON object\n",
	 "カーネルの仮想装置を使い、root と一般利用者の両方で、すべての\n"
	 "持ち出し経路を試します。接続中の機器には触れず、読み込んだ\n"
	 "モジュールは外します。終了コード: 0 試せた経路はすべて閉じている、\n"
	 "1 開いている経路がある、2 停止中。\n\n"
	 "  --light   モジュールを読み込まず、守りそのものだけを試す\n"
	 "  --json    JSON で出力する\n"},
	{"explain a command", "コマンドを説明する"},

	/* bus.c, cmd_reload.c */
	{"The system bus cannot be reached: %s\n",
	 "システムバスに接続できません: %s\n"},
	{"Without it the daemon cannot be asked. Start it:\n"
	 "  sudo systemctl start dbus.socket\n",
	 "このままではエージェントに問い合わせできません。起動してください:\n"
	 "  sudo systemctl start dbus.socket\n"},
	{"The daemon sekimorid is not running.\n"
	 "Start it, and see why it stopped:\n"
	 "  sudo systemctl start sekimorid\n"
	 "  sudo journalctl -b -u sekimorid\n",
	 "エージェント sekimorid が動いていません。\n"
	 "起動し、止まった理由を確認してください:\n"
	 "  sudo systemctl start sekimorid\n"
	 "  sudo journalctl -b -u sekimorid\n"},
	{"Not authorised", "許可されていません"},
	{"Status and devices are for the person at the terminal; events and "
	 "changes\nare for administrators. Run it again with sudo, or at the "
	 "terminal itself.\n",
	 "状態と機器は端末の前にいる人が、記録と変更は管理者が使えます。\n"
	 "sudo を付けるか、端末で直接実行してください。\n"},
	{"The daemon does not answer. Look at it:\n"
	 "  sudo journalctl -b -u sekimorid\n",
	 "エージェントが応答しません。確認してください:\n"
	 "  sudo journalctl -b -u sekimorid\n"},
	{"See what is known: sekimorictl devices\n",
	 "機器の一覧: sekimorictl devices\n"},
	{"The policy in force is unchanged.\n",
	 "有効なポリシーは変わっていません。\n"},
	{"The daemon refused", "エージェントが断りました"},
	{"The daemon's answer cannot be understood: are sekimorictl and "
	 "sekimorid of\nthe same version? Restart the daemon after an "
	 "upgrade:\n  sudo systemctl restart sekimorid\n",
	 "エージェントの応答を解釈できません。sekimorictl と sekimorid の\n"
	 "版が同じか確認し、更新後は再起動してください:\n"
	 "  sudo systemctl restart sekimorid\n"},
	{"The policy was read; it is in force.\n",
	 "ポリシーを読み直しました。有効です。\n"},

	/* cmd_devices.c */
	{"PORT", "ポート"},
	{"ID", "ID"},
	{"STATE", "状態"},
	{"NAME", "名称"},
	{"CHANNELS", "種別"},
	{"RULE", "規則"},
	{"No devices.\n", "機器はありません。\n"},

	/* cmd_explain.c */
	{"none matched: what no rule allows is blocked\n",
	 "該当なし: どの規則も許可しないものは遮断します\n"},
	{"State", "状態"},
	{"Access", "アクセス"},
	{"Decided", "判定日時"},
	{"Mode", "動作"},
	{"Rule", "規則"},
	{"Because", "理由"},
	{"Lifeline", "命綱"},
	{"the last of its kind: it is never taken away",
	 "最後の 1 台のため、使えなくすることはありません"},
	{"Held by", "働いた層"},
	{"Nearest", "近い規則"},
	{"would have allowed it; did not match: ",
	 "許可するはずだったが、合わなかった点: "},
	{"Ask for", "依頼内容"},
	{"Call", "連絡先"},
	{"Reference", "受付番号"},

	/* cmd_status.c */
	{"Terminal", "端末"},
	{"Tier", "保護の段階"},
	{"the policy asks for %s at least\n",
	 "ポリシーは %s 以上を求めています\n"},
	{"Policy", "ポリシー"},
	{", serial %" PRIu64 ", %" PRIu64 " rules, mode %s",
	 "、第 %" PRIu64 " 版、規則 %" PRIu64 " 件、動作 %s"},
	{"none could be read: media are denied",
	 "読み込めるものがありません。媒体はすべて拒否します"},
	{"in force since %s\n", "%s から有効\n"},
	{"newest one refused: ", "新しいものは不採用: "},
	{"Events", "記録"},
	{"newest %" PRIu64 ", %s on disk; ", "最新 %" PRIu64 "、保存量 %s、"},
	{"the collector has all\n", "すべて送信済み\n"},
	{"%" PRIu64 " not yet at the collector", "未送信 %" PRIu64 " 件"},
	{", the oldest for %s", "、最も古いものは %s前"},
	{"Collector", "収集先"},
	{"none configured: events stay on this terminal\n",
	 "設定されていません。記録はこの端末に残ります\n"},
	{", last contact %s\n", "、最後の通信 %s\n"},
	{"newest try failed: ", "直近の失敗: "},
	{"Devices", "機器"},
	{"%" PRIu64 " allowed, %" PRIu64 " blocked\n",
	 "許可 %" PRIu64 "、遮断 %" PRIu64 "\n"},
	{"Contact", "連絡先"},
	{"not in use", "使っていません"},
	{"Layers", "各層の状態"},
	{"Channels", "本体の経路"},

	/* event_line.c */
	{"info", "情報"},
	{"low", "低"},
	{"medium", "中"},
	{"high", "高"},
	{"critical", "緊急"},

	/* report.c */
	{"full: the kernel's security hooks (BPF LSM) and cgroup/dev guard "
	 "every medium",
	 "十分: カーネルのセキュリティフック (BPF LSM) と cgroup/dev "
	 "がすべての媒体を守ります"},
	{"full: kernel function hooks (fmod_ret) and cgroup/dev guard every "
	 "medium; `bpf` is not in the kernel's LSM list",
	 "十分: カーネルの関数フック (fmod_ret) と cgroup/dev "
	 "がすべての媒体を守ります (LSM の一覧に bpf なし)"},
	{"partial: cgroup/dev refuses media; read-only is best effort",
	 "一部: cgroup/dev "
	 "が媒体を拒否します。読み取り専用は完全ではありません"},
	{"little: only USB authorisation; a medium that the kernel already "
	 "has is not guarded",
	 "わずか: USB の認可だけです。認識済みの媒体は守られません"},
	{"USB devices wait for a decision before any driver sees them",
	 "USB機器は判定が済むまでドライバーに渡しません"},
	{"opening and mounting a medium that was not allowed is refused",
	 "許可していない媒体を開く・マウントする操作を拒否します"},
	{"raw writes, remounts and USB switches are guarded (security hooks)",
	 "直接の書き込み、再マウント、USBの設定を守ります (LSM)"},
	{"raw writes, remounts and USB switches are guarded (function hooks)",
	 "直接の書き込み、再マウント、USBの設定を守ります (関数フック)"},
	{"a new disk is denied before anything can open it",
	 "新しいディスクは、誰かが開く前に拒否します"},
	{"media are examined and judged", "媒体を調べて判定します"},
	{"radios are switched off, and their switch is refused",
	 "無線を切り、切り替えも拒否します"},
	{"opening serial and parallel ports is refused",
	 "シリアル・パラレルポートを開くことを拒否します"},
	{"a Thunderbolt device waits for a decision",
	 "Thunderbolt 機器は判定を待ちます"},
	{"Wi-Fi of the machine", "本体の Wi-Fi"},
	{"Bluetooth of the machine", "本体の Bluetooth"},
	{"mobile network of the machine", "本体のモバイル通信"},
	{"serial ports", "シリアルポート"},
	{"printers at the parallel port", "パラレルポートのプリンター"},
	{"events are kept on disk until the collector has them",
	 "収集先に届くまで記録を保存します"},
	{"events are sent to the collector", "記録を収集先へ送ります"},
	{"this program can ask the daemon", "このコマンドが問い合わせできます"},
	{"enforcing", "保護中"},
	{"monitor only: nothing is blocked", "監視のみ: 遮断していません"},
	{"degraded: part of the protection does not work",
	 "一部停止: 保護の一部が働いていません"},
	{"monitor", "監視のみ"},
	{"degraded", "一部停止"},
	{"ok", "正常"},
	{"absent", "なし"},
	{"use of this device", "この機器の使用"},
	{"read-only access to this medium", "この媒体の読み取り専用での使用"},
	{"use of this way out", "この経路の使用"},
	{"allowed", "許可"},
	{"blocked", "遮断"},
	{"held", "待機"},
	{"no access", "使用不可"},
	{"read-only", "読み取り専用"},
	{"read-write", "読み書き"},
	{"enforce", "遮断"},

	/* cmd_selftest.c, selftest_*.c */
	{"not testable here", "ここでは確認不可"},
	{"OPEN", "開いている"},
	{"closed for users", "利用者のみ遮断"},
	{"closed", "遮断"},
	{"\n%u closed, %u closed for users only, %u open, %u not testable "
	 "here\n",
	 "\n遮断 %u、利用者のみ遮断 %u、開いている %u、ここでは確認不可 %u\n"},
	{"Monitor mode: nothing is refused, so every way is open.\n",
	 "監視のみのため、どの経路も遮断していません。\n"},
	{"Only root can try what root could do. Run it again with sudo.\n",
	 "管理者の操作も試すため、sudo を付けて実行してください。\n"},
	{"authorising USB by hand", "USB機器を手動で許可する"},
	{"giving a USB device a driver", "USB機器に手動でドライバーを付ける"},
	{"USB devices past their drivers", "ドライバーを通さないUSBの操作"},
	{"switching the guard's hooks off", "守りのフックを止める"},
	{"sending the daemon a signal", "エージェントに信号を送る"},
	{"reading the daemon's memory", "エージェントのメモリーを読む"},
	{"removing the pinned guard", "固定した守りを外す"},
	{"mounting over the pinned guard", "固定した守りを覆い隠す"},
	{"getting hold of the guard's maps", "守りの表を開く"},
	{"the guard is not pinned", "守りが固定されていません"},
	{"kexec, unsigned modules, /dev/mem",
	 "kexec、署名のないモジュール、/dev/mem"},
	{"kernel lockdown is off", "カーネルのロックダウンが無効"},
	{"this kernel has no module for it",
	 "このカーネルに対応するモジュールがありません"},
	{"the module is in use", "モジュールが使用中です"},
	{"no disk came up", "ディスクが現れません"},
	{"no device came up", "機器が現れません"},
	{"no virtual device for it", "仮想装置がありません"},
	{"no file could be made", "ファイルを作れません"},
	{"the machine has a USB device port", "USBデバイス用の口があります"},
	{"not authorised", "許可していません"},
	{"reading a disk", "ディスクを読む"},
	{"writing a disk", "ディスクに書く"},
	{"a disk under another node", "別名のノードでディスクを開く"},
	{"mounting a disk", "ディスクをマウントする"},
	{"mounting by the newer calls", "新しい方式でマウントする"},
	{"swapping to a disk", "ディスクにスワップする"},
	{"a mapped device over a disk", "ディスクの上に仮想装置を作る"},
	{"raw SCSI commands (sg)", "SCSI命令を直接送る (sg)"},
	{"raw SCSI commands (bsg)", "SCSI命令を直接送る (bsg)"},
	{"an optical drive", "光学ドライブ"},
	{"a tape drive", "テープ装置"},
	{"a network disk (nbd)", "ネットワークのディスク (nbd)"},
	{"an SD card in a slot", "スロットのSDカード"},
	{"no card is in a slot", "カードが入っていません"},
	{"a serial port", "シリアルポート"},
	{"a printer at the parallel port", "パラレルポートのプリンター"},
	{"raw access to the parallel port", "パラレルポートを直接使う"},
	{"the switch of all radios (rfkill)", "無線の切り替え (rfkill)"},
	{"the policy allows it", "ポリシーが許可しています"},
	{"it was not switched off", "切られていません"},
	{"the machine has no radio", "無線がありません"},
	{"a USB stick", "USBメモリー"},
	{"a USB network adapter", "USBのネットワーク機器"},
	{"a USB serial adapter", "USBのシリアル機器"},
	{"a USB printer", "USBのプリンター"},
	{"a USB sound device", "USBの音声機器"},
	{"a USB MIDI device", "USBのMIDI機器"},
	{"USB devices from the network (usbip)",
	 "ネットワーク越しのUSB機器 (usbip)"},
	{"Thunderbolt and USB4", "Thunderbolt と USB4"},
	{"FireWire", "FireWire"},

	/* text.c */
	{"%" PRIu64 " s", "%" PRIu64 " 秒"},
	{"%" PRIu64 " min", "%" PRIu64 " 分"},
	{"%" PRIu64 " h", "%" PRIu64 " 時間"},
	{"%" PRIu64 " days", "%" PRIu64 " 日"},
	{"never", "なし"},
	{"%s (%s ago)", "%s (%s前)"},

	/* login */
	{"two proven factors: check, try, switch on",
	 "二要素認証の点検、試行、切り替え"},
	{"  lint [--json]        find ways in past the two factors\n"
	 "  status [--json]      mode, and the sessions with their factors\n"
	 "  prove                prove two factors again, at the terminal\n"
	 "  test USER [--json]   could this person prove two factors? Nobody "
	 "is "
	 "asked\n"
	 "  enforce              refuse who proves fewer, on trial for five "
	 "minutes\n"
	 "  confirm [--untested] keep it\n"
	 "  report               refuse nobody again, only report\n\n"
	 "Exit status: 0 good, 1 errors found or refused. test: 0 two factors, "
	 "1 not.\n",
	 "  lint [--json]        二要素を通らずに入れる道を探す\n"
	 "  status [--json]      方式と、各セッションの要素を表示する\n"
	 "  prove                端末の前で二要素を改めて証明する\n"
	 "  test 利用者 [--json] 二要素を示せる人か確かめる (認証は行わない)\n"
	 "  enforce              足りない人を拒否する (五分間の試行)\n"
	 "  confirm [--untested] 試行を本番にする\n"
	 "  report               拒否をやめ、報告だけに戻す\n\n"
	 "終了コード: 0 良好、1 誤りあり・拒否。test: 0 二要素あり、1 "
	 "なし。\n"},
	{"Two factors were proven just now.\n", "二要素を確かめました。\n"},
	{"Only root can do this. Run it again with sudo.\n",
	 "root だけが実行できます。sudo を付けてやり直してください。\n"},
	{"Mode", "方式"},
	{"off: logins are not judged", "なし: ログインを判定していません"},
	{"enforcing on trial, for another %s; keep it with: sekimorictl login "
	 "confirm",
	 "試行中の強制 (残り %s)。続けるには: sekimorictl login confirm"},
	{"enforcing: fewer than two factors are refused",
	 "強制: 二要素に足りないログインを拒否します"},
	{"report only: the trial ran out",
	 "報告のみ: 試行は時間切れで終わりました"},
	{"report only: nobody is refused", "報告のみ: 誰も拒否しません"},
	{"no gate: this service lets in without two factors",
	 "関門がありません: 二要素なしで入れます"},
	{"a way to success goes past the gate", "関門を通らない道があります"},
	{"this gate only reports", "この関門は報告だけです"},
	{"a factor after the gate is not counted",
	 "関門より後ろの要素は数えられません"},
	{"pam_sekimori.so refuses this line",
	 "pam_sekimori.so が受け付けない行です"},
	{"this argument lets the module succeed without a proof",
	 "この引数があると、証明なしで成功します"},
	{"this module proves no factor", "このモジュールは要素を証明しません"},
	{"the line claims more than the module proves",
	 "モジュールが証明する以上のことを行が主張しています"},
	{"the user can write the enrolment, or it is missing",
	 "登録情報を利用者が書き換えられるか、ありません"},
	{"a factor that nobody counts: wrap the line",
	 "数えられていない要素です: wrap を付けてください"},
	{"nobody could prove enough factors here",
	 "ここでは誰も要素が足りません"},
	{"the module is missing, or others can change it",
	 "モジュールがないか、ほかの人が書き換えられます"},
	{"a file is missing", "ファイルがありません"},
	{"others than root can change this file",
	 "root 以外がこのファイルを書き換えられます"},
	{"libpam does not understand this line", "libpam が解釈できない行です"},
	{"an include without a line of this type",
	 "この種類の行がない include です"},
	{"includes go too deep", "include が深すぎます"},
	{"more than is looked at", "大きすぎて見きれません"},
	{"unknown services are let in", "未知のサービスが通ります"},
	{"not known to us, and not gated",
	 "未知のサービスで、関門もありません"},
	{"somebody is logged in without being asked", "自動ログインが有効です"},
	{"users may leave jobs that run without a login",
	 "利用者が、ログインなしで動く処理を残せます"},
	{"a user's programs run without a session",
	 "セッションなしで利用者のプログラムが動きます"},
	{"the module's settings take the proof out",
	 "モジュールの設定で証明が無意味になっています"},
	{"The PAM stacks cannot be looked at: %s\n",
	 "PAM の設定を調べられません: %s\n"},
	{"error", "誤り"},
	{"note", "注意"},
	{"and %zu more\n", "ほかに %zu 件\n"},
	{"No way in past two factors was found.\n",
	 "二要素を通らずに入れる道は見つかりませんでした。\n"},
	{"%zu errors: see pam_sekimori(8).\n",
	 "誤り %zu 件。参照: pam_sekimori(8)\n"},
	{"stack hash %s\n", "設定のハッシュ %s\n"},
	{"Nobody is logged in.\n", "ログイン中の人はいません。\n"},
	{"a user is missing", "利用者の指定がありません"},
	{"not enrolled", "未登録"},
	{"enrolled", "登録済み"},
	{"known to the module alone", "モジュールだけが知っています"},
	{"would not be counted: see login lint",
	 "数えられません: login lint を参照"},
	{"can prove two factors.\n", "二要素を示せます。\n"},
	{"no gate counts: see login lint.\n",
	 "関門がありません: login lint を参照。\n"},
	{"can perhaps prove two factors; only a login shows it.\n",
	 "二要素を示せるかもしれません。ログインしないと分かりません。\n"},
	{"cannot prove two factors, and would be refused.\n",
	 "二要素を示せず、拒否されます。\n"},
	{"there is no such user in the local files",
	 "この端末のファイルにその利用者はいません"},
	{"Refused: %zu errors in how people log in. Mend them first.\n",
	 "中止: ログインの設定に誤りが %zu 件あります。先に直してください。\n"},
	{"Refused: nobody could come in when factors are lost. Give a sealed "
	 "account a\npassword and put it into the group '%s'.\n",
	 "中止: 認証機器を失ったときに入れる人がいません。封印した利用者に\n"
	 "パスワードを付け、グループ '%s' に入れてください。\n"},
	{": cannot prove two factors yet\n", ": まだ二要素を示せません\n"},
	{"The users cannot be read: %s\n", "利用者を読めません: %s\n"},
	{"Refused: nobody here could prove two factors. Enrol somebody "
	 "first.\n",
	 "中止: 二要素を示せる人が一人もいません。先に登録してください。\n"},
	{"The policy has no login rules: nothing is asked of anybody. See "
	 "sekimori.rules(5).\n",
	 "ポリシーにログインの規則がないため、何も求めていません。\n"},
	{"The policy only monitors: nobody is refused until it says enforce.\n",
	 "ポリシーが監視だけなので、enforce に改めるまで誰も拒否しません。\n"},
	{"The daemon was not told; the logins go by it all the same.\n",
	 "常駐プログラムには伝わりませんでしたが、ログインには効いています。"
	 "\n"},
	{"Logins are enforced already.\n", "すでに強制しています。\n"},
	{"From now on fewer than two factors are refused, for five minutes on "
	 "trial.\nKeep this shell. Log in on another console; when that "
	 "works:\n  sudo sekimorictl login confirm\nWithout it, and after a "
	 "restart, logins are only reported again.\n",
	 "これから五分間、二要素に足りないログインを試しに拒否します。\n"
	 "この画面は閉じずに、別のコンソールでログインできるか確かめてから:\n"
	 "  sudo sekimorictl login confirm\n"
	 "確定しなければ、また再起動すると、報告だけに戻ります。\n"},
	{"No trial is running. Begin one: sekimorictl login enforce\n",
	 "試行中ではありません。始めるには: sekimorictl login enforce\n"},
	{"Nobody is logged in who proved two factors since the trial began. "
	 "Log "
	 "in on\nanother console and stay; or confirm with --untested.\n",
	 "試行を始めてから、二要素でログインした人がいません。別のコンソールで"
	 "\nログインしたまま確定するか、--untested を付けてください。\n"},
	{"Two factors are asked from now on.\n",
	 "これから二要素を求めます。\n"},
	/* cmd_spool.c, spool/verify.c */
	{"check the events kept on this terminal",
	 "この端末に残る記録を検証する"},
	{"  verify   names each event that was deleted, edited, swapped, cut "
	 "off or forked,\n"
	 "           and where; without DIR also the streams set aside\n"
	 "  show     the records as they are kept, one a line\n"
	 "  rotate-key   a new key for the signatures\n\n"
	 "  --expect SEQ:HASH   an event's hash as the collector's export "
	 "has it\n\n"
	 "Reads the files, so it needs no daemon but the right to read them. "
	 "Exit status:\n0 whole, 1 something is wrong.\n",
	 "  verify   削除・改変・入替え・切落とし・分岐のあった記録とその場所を"
	 "示す。\n"
	 "           DIR がなければ、退避した記録列も調べる\n"
	 "  show     残っている記録をそのまま一行ずつ表示する\n"
	 "  rotate-key   署名の鍵を新しくする\n\n"
	 "  --expect SEQ:HASH   収集サーバーの書出しにあるその記録のハッシュ"
	 "\n\n"
	 "ファイルを直接読むため常駐プログラムは要りませんが、読む権限が要りま"
	 "す。\n"
	 "終了コード: 0 欠けも改変もない、1 異常あり。\n"},
	{"there is no event here", "ここに記録はありません"},
	{"this is not a public key", "公開鍵ではありません"},
	{"event %llu", "記録 %llu"},
	{"events %llu-%llu", "記録 %llu-%llu"},
	{", %s at byte %llu: %s\n", "、%s の %llu バイト目: %s\n"},
	{": stream %s, events %llu-%llu, %zu files, %zu signatures\n",
	 ": 記録列 %s、記録 %llu-%llu、ファイル %zu 個、署名 %zu 件\n"},
	{"whole; the last event's hash is %s\n",
	 "異常なし。最後の記録のハッシュは %s\n"},
	{"%zu faults\n", "異常 %zu 件\n"},
	{"expected: SEQ:HASH, as the collector's export says",
	 "収集サーバーの書出しにある SEQ:HASH の形で指定してください"},
	{"damaged here; sekimorictl spool verify says where",
	 "ここで壊れています。場所は sekimorictl spool verify が示します"},
	{"expected: spool verify, show or rotate-key",
	 "spool verify、show、rotate-key のどれかを指定してください"},
	{"A new key signs the events from now on.\n",
	 "これから新しい鍵で記録に署名します。\n"},
	{"the file has another one's name", "ファイルの名前が別のものです"},
	{"the file is of another stream", "別の記録列のファイルです"},
	{"a file or the end of one is gone before this",
	 "この前のファイル、またはその終わりがありません"},
	{"the file continues another history", "別の履歴に続くファイルです"},
	{"it does not begin at its stream's origin",
	 "記録列の始まりから始まっていません"},
	{"the collector has another event with this number",
	 "収集サーバーにはこの番号の別の記録があります"},
	{"it does not chain to the file's header",
	 "ファイルの先頭につながりません"},
	{"the event behind it was chained to another",
	 "次の記録は別の内容につながっていました"},
	{"it stands behind later ones", "後の記録よりも後ろにあります"},
	{"bytes were changed", "内容が書き換えられています"},
	{"gone from the file", "ファイルからなくなっています"},
	{"it is there twice", "二重にあります"},
	{"what stands here is no event", "記録でないものがあります"},
	{"the key is not one of this terminal's",
	 "この端末の鍵による署名ではありません"},
	{"there is no signature", "署名がありません"},
	{"the signature is not valid", "署名が正しくありません"},
	{"a closed file without its footer",
	 "閉じたファイルに末尾がありません"},
	{"gone from the end of the file",
	 "ファイルの終わりからなくなっています"},
	{"the file was closed before these",
	 "これらの記録の前に閉じられたファイルです"},
	{"the footer was made for another event",
	 "末尾は別の内容に対して作られています"},
	{"it cannot be read", "読めません"},
	{"these were durable and are gone from the end",
	 "確定していた記録が終わりからなくなっています"},
	{"Logins are only reported; nobody is refused.\n",
	 "報告だけにしました。誰も拒否しません。\n"},
};

const char *ja_lookup(const char *english)
{
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (strcmp(pairs[i].english, english) == 0)
			return pairs[i].japanese;
	return NULL;
}

bool ja_pair(size_t index, const char **ret_english, const char **ret_japanese)
{
	if (index >= sizeof(pairs) / sizeof(pairs[0]))
		return false;
	*ret_english = pairs[index].english;
	*ret_japanese = pairs[index].japanese;
	return true;
}

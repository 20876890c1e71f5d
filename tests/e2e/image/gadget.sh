#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A USB device of any identity, plugged into the guest by the guest itself
# (dummy_hcd and configfs).
#   gadget plug NAME VID PID SERIAL UDC FUNCTION...
#   gadget unplug NAME | gadget replug NAME
# SERIAL "-" is none. UDC is 0, 1 or 2. FUNCTION: storage:FILE[:ro|:cdrom],
# keyboard, mouse, acm, ecm, rndis, ncm, printer, midi, uac2.
set -eu
base=/sys/kernel/config/usb_gadget

boot_hid() # protocol, report length, report descriptor in printf escapes
{
	echo "$1" > "$function/protocol"
	echo 1 > "$function/subclass"
	echo "$2" > "$function/report_length"
	# shellcheck disable=SC2059 # the escapes are the descriptor's bytes
	printf "$3" > "$function/report_desc"
}

keyboard='\005\001\011\006\241\001\005\007\031\340\051\347\025\000\045\001'
keyboard=$keyboard'\165\001\225\010\201\002\225\001\165\010\201\003\225\005'
keyboard=$keyboard'\165\001\005\010\031\001\051\005\221\002\225\001\165\003'
keyboard=$keyboard'\221\003\225\006\165\010\025\000\045\145\005\007\031\000'
keyboard=$keyboard'\051\145\201\000\300'
mouse='\005\001\011\002\241\001\011\001\241\000\005\011\031\001\051\003\025'
mouse=$mouse'\000\045\001\225\003\165\001\201\002\225\001\165\005\201\003\005'
mouse=$mouse'\001\011\060\011\061\025\201\045\177\165\010\225\002\201\006\300'
mouse=$mouse'\300'

storage() # FILE[:ro|:cdrom]
{
	file=${1#storage:}
	echo 1 > "$function/lun.0/removable"
	case $file in
	*:ro) echo 1 > "$function/lun.0/ro" ;;
	*:cdrom) echo 1 > "$function/lun.0/cdrom" ;;
	esac
	file=${file%:ro}
	echo "${file%:cdrom}" > "$function/lun.0/file"
}

add_function() # number, description
{
	case $2 in
	storage:*) kind=mass_storage ;;
	keyboard | mouse) kind=hid ;;
	*) kind=$2 ;;
	esac
	function=functions/$kind.$1
	mkdir "$function"
	case $2 in
	storage:*) storage "$2" ;;
	keyboard) boot_hid 1 8 "$keyboard" ;;
	mouse) boot_hid 2 3 "$mouse" ;;
	esac
	ln -s "$base/$name/$function" configs/c.1/
}

plug()
{
	name=$1
	mkdir "$base/$name"
	cd "$base/$name"
	echo "$2" > idVendor
	echo "$3" > idProduct
	echo 0x0200 > bcdUSB
	mkdir -p strings/0x409 configs/c.1/strings/0x409
	[ "$4" = - ] || echo "$4" > strings/0x409/serialnumber
	echo "${MANUFACTURER:-ACME}" > strings/0x409/manufacturer
	echo "${PRODUCT:-Widget}" > strings/0x409/product
	udc=dummy_udc.$5
	shift 5
	number=0
	for description; do
		add_function $number "$description"
		number=$((number + 1))
	done
	echo "$udc" > "/run/gadget.$name"
	echo "$udc" > UDC
}

modprobe -a dummy_hcd libcomposite
mountpoint -q /sys/kernel/config ||
	mount -t configfs configfs /sys/kernel/config
verb=$1
shift
case $verb in
plug) plug "$@" ;;
unplug) echo > "$base/$1/UDC" ;;
replug) cat "/run/gadget.$1" > "$base/$1/UDC" ;;
*) echo "gadget: unknown verb $verb" >&2; exit 2 ;;
esac

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interface classes to channels. Classes are the USB-IF's (usb.org, "Defined
 * Class Codes"); what hides behind the vendor class is told by ids where it
 * matters here: authenticators, card readers and serial bridges.
 */
#include "policy/descriptor.h"

#define BIT(channel) USB_CHANNEL_BIT(USB_CHANNEL_##channel)

/* CDC (02): the subclass is the model, USB CDC 1.2 table 4. */
static uint32_t cdc_channels(uint8_t subclass)
{
	switch (subclass) {
	case 0x02: /* abstract control: modems and most serial adapters */
		return BIT(MODEM) | BIT(SERIAL);
	case 0x06: /* Ethernet */
	case 0x0c: /* Ethernet emulation */
	case 0x0d: /* NCM */
		return BIT(NETWORK);
	case 0x0e: /* MBIM */
		return BIT(NETWORK) | BIT(MODEM);
	default:
		return BIT(MODEM);
	}
}

static uint32_t wireless_channels(uint8_t subclass, uint8_t protocol)
{
	if (subclass == 0x01 && (protocol == 0x01 || protocol == 0x04))
		return BIT(BLUETOOTH);
	if (subclass == 0x01 && protocol == 0x03) /* RNDIS */
		return BIT(NETWORK);
	return BIT(WIRELESS);
}

static uint32_t misc_channels(uint8_t subclass, uint8_t protocol)
{
	if (subclass == 0x04) /* RNDIS over Ethernet, Wi-Fi, WiMAX, WWAN … */
		return BIT(NETWORK);
	if (subclass == 0x01 && (protocol == 0x01 || protocol == 0x02))
		return BIT(NETWORK); /* ActiveSync */
	if (subclass == 0x05)	     /* USB3 Vision */
		return BIT(VIDEO);
	return BIT(VENDOR);
}

uint32_t descriptor_interface_channels(uint8_t class_code, uint8_t subclass,
				       uint8_t protocol)
{
	switch (class_code) {
	case 0x01:
		return BIT(AUDIO);
	case 0x02:
		return cdc_channels(subclass);
	case 0x03:
		return BIT(HID);
	case 0x06: /* PTP and MTP share 06:01:01 */
		return subclass == 0x01 && protocol == 0x01
			       ? BIT(PTP) | BIT(MTP)
			       : BIT(PTP);
	case 0x07:
		return BIT(PRINTER);
	case 0x08:
		return BIT(STORAGE);
	case 0x09:
		return BIT(HUB);
	case 0x0a: /* CDC data: its control interface says what for */
		return 0;
	case 0x0b:
		return BIT(SMARTCARD);
	case 0x0e:
		return BIT(VIDEO);
	case 0x10:
		return BIT(AUDIO) | BIT(VIDEO);
	case 0x11: /* billboard: only text */
		return 0;
	case 0xe0:
		return wireless_channels(subclass, protocol);
	case 0xef:
		return misc_channels(subclass, protocol);
	case 0xfe:
		return subclass == 0x02 ? BIT(WIRELESS) : BIT(VENDOR);
	case 0xff:
		/* Android's MTP before 06:01:01 became usual; RNDIS. */
		if (subclass == 0xff && protocol == 0x00)
			return BIT(VENDOR) | BIT(MTP);
		return BIT(VENDOR);
	default:
		return BIT(VENDOR);
	}
}

/* product_mask 0: every product of the vendor. */
struct known_id {
	uint16_t vendor;
	uint16_t product;
	uint16_t product_mask;
	uint8_t class_code; /* of the interface it shows itself by */
	uint32_t channels;
};

static const struct known_id known[] = {
	/* Authenticators: HID with a FIDO usage page, which is not in the
	 * descriptors sysfs has. */
	{0x1050, 0, 0, 0x03, BIT(SECURITY_KEY)},	   /* Yubico */
	{0x096e, 0, 0, 0x03, BIT(SECURITY_KEY)},	   /* Feitian */
	{0x20a0, 0, 0, 0x03, BIT(SECURITY_KEY)},	   /* Nitrokey */
	{0x311f, 0, 0, 0x03, BIT(SECURITY_KEY)},	   /* TrustKey */
	{0x32a3, 0, 0, 0x03, BIT(SECURITY_KEY)},	   /* GoTrust */
	{0x1ea8, 0, 0, 0x03, BIT(SECURITY_KEY)},	   /* ExcelSecu */
	{0x349e, 0, 0, 0x03, BIT(SECURITY_KEY)},	   /* Token2 */
	{0x18d1, 0x5026, 0xffff, 0x03, BIT(SECURITY_KEY)}, /* Titan */
	{0x18d1, 0x9470, 0xffff, 0x03, BIT(SECURITY_KEY)}, /* Titan 2 */
	{0x0483, 0xa2ca, 0xffff, 0x03, BIT(SECURITY_KEY)}, /* Solo */
	{0x1209, 0xbeee, 0xffff, 0x03, BIT(SECURITY_KEY)}, /* Solo 2 */
	/* PaSoRi readers without a CCID interface: public personal
	 * authentication (JPKI) runs on them. */
	{0x054c, 0x06c1, 0xffff, 0xff, BIT(SMARTCARD)}, /* RC-S380/S */
	{0x054c, 0x06c3, 0xffff, 0xff, BIT(SMARTCARD)}, /* RC-S380/P */
	{0x054c, 0x02e1, 0xffff, 0xff, BIT(SMARTCARD)}, /* RC-S330 */
	/* Serial bridges. */
	{0x0403, 0, 0, 0xff, BIT(SERIAL)}, /* FTDI */
	{0x067b, 0, 0, 0xff, BIT(SERIAL)}, /* Prolific */
	{0x10c4, 0, 0, 0xff, BIT(SERIAL)}, /* Silicon Labs */
	{0x1a86, 0, 0, 0xff, BIT(SERIAL)}, /* WCH */
};

static bool has_class(const struct usb_fact *fact, uint8_t class_code)
{
	for (uint16_t i = 0; i < fact->interface_count; i++)
		if (fact->interfaces[i].class_code == class_code)
			return true;
	return false;
}

uint32_t descriptor_channels(const struct usb_fact *fact)
{
	uint32_t channels = 0;

	for (uint16_t i = 0; i < fact->interface_count; i++)
		channels |= descriptor_interface_channels(
			fact->interfaces[i].class_code,
			fact->interfaces[i].subclass,
			fact->interfaces[i].protocol);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const struct known_id *id = &known[i];

		if (id->vendor == fact->vendor_id &&
		    !((id->product ^ fact->product_id) & id->product_mask) &&
		    has_class(fact, id->class_code))
			channels |= id->channels;
	}
	/* Interfaces that say nothing at all: nobody can say what it is. */
	if (channels == 0 && fact->interface_count > 0)
		channels = BIT(VENDOR);
	return channels;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Where sekimorid is on the system bus: pkg/dbus/jp.sekimori.Agent1.xml. */
#pragma once

#define AGENT1_NAME	 "jp.sekimori.Agent1"
#define AGENT1_PATH	 "/jp/sekimori/Agent1"
#define AGENT1_INTERFACE "jp.sekimori.Agent1"
/* A person may be asked for a password meanwhile. */
#define AGENT1_TIMEOUT_MS (130 * 1000)

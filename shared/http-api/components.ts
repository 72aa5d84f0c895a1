/** The schemas that have a name in the OpenAPI documents. */
import { audit, processorAudit } from "./audit.ts";
import { clusterMap } from "./cluster.ts";
import { ages, curve, publicStory } from "./dashboard.ts";
import { history } from "./history.ts";
import { live } from "./live.ts";
import {
  journalDecision,
  openPayments,
  paymentDecision,
  processorDecision,
  processors,
  story,
} from "./operator.ts";
import { payment, paymentPage, paymentRequest, problem, summary } from "./payments.ts";
import { readiness } from "./readiness.ts";
import { eventPage, webhookDeliveries, webhooksDecision } from "./webhooks.ts";
import { refTo, type Of, type SchemaOf } from "./schema.ts";

export const COMPONENTS = {
  Problem: problem,
  PaymentRequest: paymentRequest(),
  Payment: payment,
  PaymentPage: paymentPage,
  EventPage: eventPage,
  Summary: summary,
  Audit: audit,
  ProcessorAudit: processorAudit,
  PublicStory: publicStory,
  Ages: ages,
  Curve: curve,
  Live: live,
  History: history,
  Readiness: readiness,
  ClusterMap: clusterMap,
  OpenPayments: openPayments,
  Story: story,
  PaymentDecision: paymentDecision,
  Processors: processors,
  ProcessorDecision: processorDecision,
  JournalDecision: journalDecision,
  WebhookDeliveries: webhookDeliveries,
  WebhooksDecision: webhooksDecision,
} as const;

type Components = typeof COMPONENTS;

export function ref<N extends keyof Components>(name: N): SchemaOf<Of<Components[N]>> {
  return refTo(name, COMPONENTS[name] as SchemaOf<Of<Components[N]>>);
}

/**
 * Cards of Stripe's own tests, by the amount that is paid with them: about one amount in eight is declined. A
 * stand-in for Stripe and whoever checks what became of a payment go by the same rule.
 */
const GOOD_CARD = "pm_card_visa";

export function cardFor(amountCents: number): string {
  if (amountCents % 16 === 7) return "pm_card_chargeDeclinedInsufficientFunds";
  return amountCents % 16 === 9 ? "pm_card_chargeDeclinedLostCard" : GOOD_CARD;
}

export function isDeclined(amountCents: number): boolean {
  return cardFor(amountCents) !== GOOD_CARD;
}

//! Treasury: FinancialAccounts, OutboundPayments, and the book behind them.

import type { Metadata } from "next";
import type { ReactNode } from "react";
import { RealtimeProvider } from "tidings/client";
import "./globals.css";

export const metadata: Metadata = { title: "A workflow, live", icons: "data:," };

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>
        <RealtimeProvider>{children}</RealtimeProvider>
      </body>
    </html>
  );
}

/** Where the API is: on another port than the page. */
export const API = import.meta.env.VITE_API ?? "http://localhost:3000";

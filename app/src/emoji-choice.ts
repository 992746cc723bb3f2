/** The emoji that the menu of a message offers. Any other can be written. */

/** Offered at once, before the others. */
export const quickEmoji = ['👍', '❤️', '😂', '😮', '😢', '🎉'] as const;

export const moreEmoji =
  '😀 😃 😄 😁 😅 🙂 😉 😊 😇 🥰 😍 😘 😋 😜 🤪 🤗 🤔 🤨 😐 🙄 😏 😴 🤒 🥶 🥵 😎 🤓 😕 😟 😳 🥺 😭 😱 😤 😡 💀 💩 👋 👌 ✌️ 🤞 👈 👉 👎 👏 🙌 🙏 💪 👀 💔 💯 💥 🔥 ✨ ⭐ 🌈 ☀️ ❄️ 🎂 🍕 ☕ 🍺 🏆 🚀 ✅ ❌ ❓ ❗'.split(
    ' ',
  );

// The shop, for the server and the browser alike: an expression that takes Vue and gives the component.
((Vue) => {
  const { h, ref, onMounted } = Vue;

  const products = [
    ['Tea bowl', '¥4,200'],
    ['Cedar tray', '¥2,800'],
    ['Indigo cloth', '¥1,900'],
    ['Letter paper', '¥900'],
  ];

  const Product = {
    props: ['name', 'price'],
    setup(props) {
      const count = ref(0);
      return () =>
        h('li', [
          h('h2', props.name),
          h('p', { class: 'price' }, props.price),
          h('button', { type: 'button', onClick: () => count.value++ }, `In the cart: ${count.value}`),
        ]);
    },
  };

  return {
    setup() {
      const route = ref('home');
      onMounted(() => {
        globalThis.hydrated = true;
      });
      return () => [
        h('header', [h('h1', 'A shop in Vue'), h('button', { id: 'about', onClick: () => (route.value = 'about') }, 'About us')]),
        h(
          'main',
          { key: route.value },
          route.value === 'about' ? h('p', 'We are a small shop.') : h('ul', products.map(([name, price]) => h(Product, { key: name, name, price }))),
        ),
      ];
    },
  };
})
